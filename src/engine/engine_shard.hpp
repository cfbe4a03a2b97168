#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/unique_function.hpp"
#include "engine/account.hpp"
#include "engine/account_notes.hpp"
#include "engine/catch_up.hpp"
#include "engine/client_session.hpp"
#include "engine/context.hpp"
#include "engine/conversation_home.hpp"
#include "engine/hook_desk.hpp"
#include "engine/outlet.hpp"
#include "engine/preferences.hpp"
#include "engine/rate_limits.hpp"
#include "engine/receipt_privacy.hpp"
#include "engine/sync_pages.hpp"
#include "engine/user_home.hpp"
#include "protocol/decode.hpp"

namespace chatcore::engine {

/// One shard's engine: admits the sessions of its gateway, decodes their frames, and hands every command to
/// where it belongs: a conversation's home, a user's home, or the store's reading side.
class EngineShard final : public GatewayEvents {
 public:
  explicit EngineShard(Context context);
  ~EngineShard() override;

  void opened(SessionId session, const HandshakeView& handshake) override;
  void received(SessionId session, std::span<const std::string_view> messages) override;
  void drained(SessionId session, std::vector<WithheldMark> marks, bool everything) override;
  void closed(SessionId session, std::uint16_t code) override;
  void stale(const Topic& topic, std::vector<SessionId> takers) override;
  std::optional<CloseCode> overdue(SessionId session) override;

  /// Closes 4503 what this shard's gateway holds, or is about to admit, of a user's device; empty: of all of
  /// them. To be called on every shard.
  void revoke(const UserId& user, const DeviceId& device);

  /// What a user lets others see is to be asked again. To be called on every shard.
  void settings_changed(const UserId& user);
  /// A user has blocked or unblocked others, which is known where `blocked` says so; otherwise it may be they
  /// who did. To be called on every shard.
  void blocks_changed(const UserId& user, const std::vector<UserId>& others, std::optional<bool> blocked);
  /// The host has changed a section of a user's account. To be called on the user's home.
  void account_changed(const UserId& user, AccountSection section);

  /// A device of a user is no more: takes it out of the directory, tells the host and the user's other
  /// devices, and closes its connection 4503. To be called on any one shard.
  void forget_device(const UserId& user, const DeviceId& device);
  void tell_hook_of_removal(const UserId& user, const DeviceId& device);

  void end_of_turn();
  void tick();

  [[nodiscard]] Context& context() noexcept { return context_; }
  [[nodiscard]] Outlet& outlet() noexcept { return outlet_; }
  [[nodiscard]] ConversationHome& conversations() noexcept { return conversations_; }
  [[nodiscard]] UserHome& users() noexcept { return users_; }
  [[nodiscard]] AccountNotes& notes() noexcept { return notes_; }
  [[nodiscard]] std::uint64_t commands() const noexcept { return commands_; }

 private:
  friend class Dispatch;

  // Admission (admission.cpp)
  [[nodiscard]] std::uint64_t order_of(const HandshakeView& handshake);
  void authenticate(ClientSession& session);
  void on_authenticated(SessionId id, Result<Identity> answer, std::uint64_t round);
  /// What to close it with if it, or whoever it may be, was revoked after its credentials were asked about.
  [[nodiscard]] std::optional<CloseCode> revoked_since(const Identity& identity, std::uint64_t round) const;
  void take_early(SessionId id);
  void ask_host(ClientSession& session, Identity identity);
  void on_host_answer(SessionId id, Result<Hooks::Decision> answer);
  void heed_host(ClientSession& session, Identity identity, Result<Hooks::Decision> answer);
  void begin_admission(ClientSession& session, Identity identity);
  void read_groups(SessionId id, const UserId& user, const ConversationId& after);
  void take_group(SessionId id, const UserConversation& group, int attempt);
  void registered(SessionId id);
  void welcome_if_ready(ClientSession& session);
  void on_hello(ClientSession& session, protocol::Hello hello, const protocol::RequestId& id);
  void before_welcome(ClientSession& session, std::string_view message);
  void refresh(ClientSession& session, const protocol::RequestId& id, std::string token);
  void on_refreshed(const Requester& from, const Result<Identity>& answer);
  struct Renewal;
  void look_at(SessionId id, Renewal& renewal);
  void expire(SessionId id);
  void refuse(ClientSession& session, const Error& error);

  // Dispatch (dispatch.cpp)
  void handle(ClientSession& session, std::string_view message);
  [[nodiscard]] Requester requester(const ClientSession& session, protocol::RequestId id) const;
  void submit(CommandPtr command);
  /// What to tell a session that is over a limit. Closes one that has been told often enough.
  [[nodiscard]] std::optional<Error> charge(ClientSession& session, CommandKind kind, std::size_t items);
  void sweep_limits();
  void receipts(ClientSession& session, const protocol::RequestId& id,
                const std::vector<protocol::Position>& positions, bool read);
  void presence(ClientSession& session, const protocol::RequestId& id, std::vector<UserId> users, bool watch);
  void unwatch(ClientSession& session, const std::vector<UserId>& users);
  void list_devices(ClientSession& session, const protocol::RequestId& id);
  void tell_devices(const Requester& from, const std::vector<Device>& known,
                    const std::vector<DeviceId>& connected);
  void remove_device(ClientSession& session, const protocol::RequestId& id, DeviceId device);
  // At the user's home.
  void remove_devices(const Requester& from, const std::vector<DeviceId>& devices);
  void make_leave(const UserId& user, const DeviceId& device);
  void take_out(const UserId& user, const DeviceId& device, UniqueFunction<void(const Status&)> done);
  void device_gone(const UserId& user, const DeviceId& device);

  [[nodiscard]] ClientSession* find(SessionId id);
  template <class Use>
  void on_shard(std::uint32_t shard, Use use) {
    context_.on_shard(shard, std::move(use));
  }

  Context context_;
  Outlet outlet_;
  ReceiptPrivacy privacy_;
  ConversationHome conversations_;
  UserHome users_;
  AccountNotes notes_;
  AccountHome account_;
  PreferencesHome preferences_;
  CatchUp catchUp_;
  SyncPages syncPages_;
  protocol::Decoder decoder_;
  std::deque<ClientSession> sessions_;  // by slot; grows without moving what is there
  TimerWheel<SessionId> expiries_;
  /// Of sessions whose tokens were renewed; steady millis.
  struct Renewal {
    std::int64_t until = 0;   ///< it may stay; 0: for ever
    std::int64_t looked = 0;  ///< a timer will look at it; 0: none of its own
  };
  absl::flat_hash_map<SessionId, Renewal> renewed_;
  std::uint64_t commands_ = 0;
  std::uint32_t sweptStripe_ = 0;

  // The turn's batches.
  std::vector<Credentials> credentials_;
  std::vector<SessionId> authenticating_;
  std::vector<Credentials> renewals_;
  std::vector<Requester> renewing_;
  /// What was revoked while credentials were being checked, and the last round of questions that may have
  /// been answered before. Gone when no answers are owed.
  struct Revocation {
    UserId user;
    DeviceId device;
    std::uint64_t round = 0;
  };
  std::vector<Revocation> revocations_;
  std::uint64_t authenticationRound_ = 0;
  std::uint64_t askAgainRound_ = 0;  ///< up to it, everybody is turned back
  std::uint32_t roundsOwed_ = 0;
  HookQuestions<Identity> connects_;
  absl::flat_hash_map<SessionId, Identity> awaitingHost_;  ///< at most HookOptions::maxQuestions
  absl::flat_hash_set<SessionId> nameless_;  ///< the user is known, the device is to come in a hello
  std::vector<UserConversationsRequest> groupReads_;
  std::vector<SessionId> groupReaders_;
};

}  // namespace chatcore::engine
