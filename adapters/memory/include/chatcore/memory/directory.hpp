#pragma once

#include <memory>

#include "chatcore/ports/directory.hpp"

namespace chatcore {

struct MemoryDirectoryOptions {
  /// false: every valid id is a user. true: only those who were put.
  bool knownUsersOnly = false;
};

/// The directory port in this process's memory. A crash or the destructor loses everything. Thread-safe;
/// every call is decided before it returns, its answer is posted.
class CHATCORE_API MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(MemoryDirectoryOptions options = {});
  ~MemoryDirectory() override;

  void users(std::vector<UserId> batch, Executor& executor,
             Completion<std::vector<Result<User>>> done) override;
  void put_user(User user, Executor& executor, Completion<Status> done) override;

  void devices(std::vector<UserId> batch, Executor& executor,
               Completion<std::vector<Result<std::vector<Device>>>> done) override;
  void put_device(Device device, Executor& executor, Completion<Status> done) override;
  void remove_device(UserId user, DeviceId device, Executor& executor, Completion<Status> done) override;
  void drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                        Completion<Status> done) override;

  void blocks(std::vector<BlockQuery> batch, Executor& executor,
              Completion<std::vector<Result<BlockState>>> done) override;
  void set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                  Completion<Status> done) override;
  void blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                 Completion<std::vector<Result<std::vector<UserId>>>> done) override;

  void contacts(std::vector<BlockQuery> batch, Executor& executor,
                Completion<std::vector<Result<bool>>> done) override;
  void set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                    Completion<Status> done) override;
  void contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                   Completion<std::vector<Result<std::vector<UserId>>>> done) override;

  void last_seen(std::vector<UserId> batch, Executor& executor,
                 Completion<std::vector<Result<Timestamp>>> done) override;
  void set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chatcore
