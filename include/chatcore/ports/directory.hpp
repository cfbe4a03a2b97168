#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/user.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// What each of two users holds against the other.
struct BlockQuery {
  UserId a;
  UserId b;
};
struct BlockState {
  bool aBlocksB = false;
  bool bBlocksA = false;
  [[nodiscard]] bool any() const noexcept { return aBlocksB || bBlocksA; }
};

/// A page of the users whom one user has in a list.
struct UsersRequest {
  UserId of;
  UserId after;  ///< exclusive; ids ascend; empty: from the beginning
  std::uint32_t limit = 200;
};

/// Of one user.
inline constexpr std::size_t kMaxContacts = 10'000;
inline constexpr std::size_t kMaxBlocks = 1'000;

/// Users, their devices and what they think of one another: usually the host's own database. Batches as in
/// LogStore: one answer per item, in order, on the executor, never inside the call.
class CHATCORE_API Directory {
 public:
  virtual ~Directory();

  /// `not_found` for a user that may not be written to. The embedded directories take every valid id unless
  /// told to know only those who were put.
  virtual void users(std::vector<UserId> batch, Executor& executor,
                     Completion<std::vector<Result<User>>> done) = 0;
  virtual void put_user(User user, Executor& executor, Completion<Status> done) = 0;

  /// At most 32 devices a user; `overloaded` beyond.
  virtual void devices(std::vector<UserId> batch, Executor& executor,
                       Completion<std::vector<Result<std::vector<Device>>>> done) = 0;
  /// Inserts or replaces; an empty pushToken or platform, and a registeredAt of 0, keep what is known. A new
  /// device with a registeredAt of 0 is registered when it was last active.
  virtual void put_device(Device device, Executor& executor, Completion<Status> done) = 0;
  virtual void remove_device(UserId user, DeviceId device, Executor& executor, Completion<Status> done) = 0;
  /// Forgets tokens that the push service called dead.
  virtual void drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                                Completion<Status> done) = 0;

  virtual void blocks(std::vector<BlockQuery> batch, Executor& executor,
                      Completion<std::vector<Result<BlockState>>> done) = 0;
  /// Blocks all of `whom`, or none of them: `too_large` if `by` would block more than kMaxBlocks, and
  /// `invalid_argument` if one is not an id. Idempotent; complete when durable.
  virtual void set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                          Completion<Status> done) = 0;
  void set_block(UserId by, UserId whom, bool blocked, Executor& executor, Completion<Status> done) {
    set_blocks(std::move(by), {std::move(whom)}, blocked, executor, std::move(done));
  }
  /// Whom a user blocks.
  virtual void blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                         Completion<std::vector<Result<std::vector<UserId>>>> done) = 0;

  /// Whether each `b` is in `a`'s contacts (presence audience `contacts`).
  virtual void contacts(std::vector<BlockQuery> batch, Executor& executor,
                        Completion<std::vector<Result<bool>>> done) = 0;
  /// As set_blocks, up to kMaxContacts.
  virtual void set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                            Completion<Status> done) = 0;
  void set_contact(UserId of, UserId whom, bool present, Executor& executor, Completion<Status> done) {
    set_contacts(std::move(of), {std::move(whom)}, present, executor, std::move(done));
  }
  /// A user's contacts.
  virtual void contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                           Completion<std::vector<Result<std::vector<UserId>>>> done) = 0;

  /// When the user was last online; 0: never seen. Stored by the owner of the user's presence.
  virtual void last_seen(std::vector<UserId> batch, Executor& executor,
                         Completion<std::vector<Result<Timestamp>>> done) = 0;
  virtual void set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) = 0;
};

}  // namespace chatcore
