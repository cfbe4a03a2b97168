#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/catch_up.hpp"
#include "engine/client_session.hpp"
#include "engine/context.hpp"
#include "engine/conversation_home.hpp"
#include "engine/outlet.hpp"
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

  void end_of_turn();
  void tick();

  [[nodiscard]] Context& context() noexcept { return context_; }
  [[nodiscard]] Outlet& outlet() noexcept { return outlet_; }
  [[nodiscard]] ConversationHome& conversations() noexcept { return conversations_; }
  [[nodiscard]] UserHome& users() noexcept { return users_; }
  [[nodiscard]] std::uint64_t commands() const noexcept { return commands_; }

 private:
  friend class Dispatch;

  // Admission (admission.cpp)
  void authenticate(ClientSession& session);
  void on_authenticated(SessionId id, Result<Identity> answer);
  void take_early(SessionId id);
  void begin_admission(ClientSession& session, Identity identity);
  void read_groups(SessionId id, const UserId& user, const ConversationId& after);
  void take_group(SessionId id, const UserConversation& group, int attempt);
  void registered(SessionId id);
  void welcome_if_ready(ClientSession& session);
  void on_hello(ClientSession& session, protocol::Hello hello, const protocol::RequestId& id);
  void before_welcome(ClientSession& session, std::string_view message);
  void refuse(ClientSession& session, const Error& error);

  // Dispatch (dispatch.cpp)
  void handle(ClientSession& session, std::string_view message);
  [[nodiscard]] Requester requester(const ClientSession& session, protocol::RequestId id) const;
  void submit(ClientSession& session, CommandPtr command);
  void receipts(ClientSession& session, const protocol::RequestId& id,
                const std::vector<protocol::Position>& positions, bool read);
  void presence(ClientSession& session, const protocol::RequestId& id, std::vector<UserId> users, bool watch);
  void unwatch(ClientSession& session, const std::vector<UserId>& users);

  [[nodiscard]] ClientSession* find(SessionId id);
  /// Runs `use(EngineShard&)` on a shard: at once if it is this one.
  template <class Use>
  void on_shard(std::uint32_t shard, Use use) {
    if (context_.here(shard)) return use(*this);
    context_.link->send(
        shard, [target = (*context_.shards)[shard], use = std::move(use)]() mutable { use(*target); });
  }

  Context context_;
  Outlet outlet_;
  ConversationHome conversations_;
  UserHome users_;
  CatchUp catchUp_;
  protocol::Decoder decoder_;
  std::deque<ClientSession> sessions_;  // by slot; grows without moving what is there
  TimerWheel<SessionId> expiries_;
  std::uint64_t commands_ = 0;

  // The turn's batches.
  std::vector<Credentials> credentials_;
  std::vector<SessionId> authenticating_;
  std::vector<UserConversationsRequest> groupReads_;
  std::vector<SessionId> groupReaders_;
};

}  // namespace chatcore::engine
