#include "engine/plan.hpp"

#include <algorithm>

#include "core/simulation_bug.hpp"
#include "protocol/decode.hpp"
#include "protocol/event_content.hpp"

namespace chatcore::engine {

namespace {

Error refuse(ErrorCode code, std::string message) { return {code, std::move(message), {}}; }
Error not_a_member() { return refuse(ErrorCode::not_a_member, "not a member of this conversation"); }

Event draft(const EventCommand& command, EventKind kind) {
  Event event;
  event.kind = kind;
  event.senderId = command.from.user();
  event.senderDeviceId = command.from.device();
  event.clientMsgId = command.clientMsgId;
  event.payloadHash = command.payloadHash;
  return event;
}

/// One action's decision: reads the conversation, returns what to write.
class Planner {
 public:
  Planner(const Conversation& conversation, const EventCommand& command, const EngineOptions& options,
          Timestamp now)
      : conversation_(conversation), command_(command), options_(options), now_(now) {}

  Result<Plan> operator()(const NewMessage& message) const {
    if (!conversation_.exists) {
      if (message.to.empty()) return not_a_member();
      return first_message(message);
    }
    if (!is_member() && !CHATCORE_BUG("strangers may write")) return not_a_member();
    if (auto refused = may_not_send()) return *std::move(refused);
    Plan plan = message_plan(message);
    if (blocks()) return you_block();
    plan.event.hiddenFromOthers = blocked();
    if (CHATCORE_BUG("blocks are ignored")) plan.event.hiddenFromOthers = false;
    return plan;
  }

  Result<Plan> operator()(const EditMessage& edit) const {
    auto found = target();
    if (!found) return std::move(found).error();
    const FoundMessage& message = **found;
    if (message.event.senderId != command_.from.user())
      return refuse(ErrorCode::forbidden, "only its author may edit a message");
    if (too_late(message, options_.editWindow))
      return refuse(ErrorCode::forbidden, "the message is too old to be edited");
    const std::size_t limit = options_.content_bytes(message.event.messageType);
    // What the host put in its place is the host's own.
    if (edit.content.size() > limit && !command_.hooksAsked)
      return refuse(ErrorCode::too_large,
                    "`content` " + protocol::too_much_content(message.event.messageType, limit));
    if (message.view.state.edits.size() >= kMaxEdits)
      return refuse(ErrorCode::too_large, "the message was edited too often");
    auto plan = change_plan(EventKind::edit, message);
    if (!plan || plan->effects.messages.empty()) return plan;
    MessageState& state = plan->effects.messages[0].state;
    state.editedAt = now_;
    state.edits.push_back(conversation_.head + 1);
    return plan;  // the content is put in when the plan is carried out
  }

  Result<Plan> operator()(const DeleteMessage&) const {
    auto found = target();
    if (!found) return std::move(found).error();
    const FoundMessage& message = **found;
    const bool own = message.event.senderId == command_.from.user();
    const bool anybody = CHATCORE_BUG("anybody may delete");
    if (!own && !anybody && (conversation_.direct() || !is_admin(self()->role)))
      return refuse(ErrorCode::forbidden, "only its author or an admin may delete a message for everyone");
    if (own && too_late(message, options_.deleteWindow))
      return refuse(ErrorCode::forbidden, "the message is too old to be deleted for everyone");
    // Whoever is blocked may still take back what was said before.
    Plan plan = change_of(EventKind::tombstone, message);
    MessageChange& change = plan.effects.messages[0];
    change.erased = {message.event.seq};
    if (!CHATCORE_BUG("a deletion spares the edits"))
      change.erased.insert(change.erased.end(), change.state.edits.begin(), change.state.edits.end());
    change.state.content.clear();
    change.state.reactions.clear();
    change.state.deletedAt = now_;
    change.state.deletedBy = command_.from.user();
    const PinnedMessage* pin = pinned(message.event.messageId);
    if (pin != nullptr && !CHATCORE_BUG("a deletion spares the pin")) {
      plan.effects.info = conversation_.info;
      std::erase(plan.effects.info->pins, *pin);
    }
    return plan;
  }

  Result<Plan> operator()(const React& react) const {
    auto found = target();
    if (!found) return std::move(found).error();
    const FoundMessage& message = **found;
    std::vector<std::string> own = message.view.ownReactions;
    const auto place = std::lower_bound(own.begin(), own.end(), react.emoji);
    const bool there = place != own.end() && *place == react.emoji;
    auto plan = change_plan(EventKind::reaction, message);
    if (!plan) return plan;
    plan->event.content = protocol::reaction_event_content(react.emoji, react.add);
    // What changes nothing is an event all the same: it is what its sender is answered with.
    if (there == react.add) plan->effects.messages.clear();
    if (plan->effects.messages.empty()) return plan;
    MessageChange& change = plan->effects.messages[0];
    if (react.add && (own.size() >= kMaxEmojiPerUser || !count_one_more(change.state, react.emoji)))
      return refuse(ErrorCode::too_large, "there are too many different reactions to this message");
    if (!react.add) count_one_less(change.state, react.emoji);
    react.add ? void(own.insert(place, react.emoji)) : void(own.erase(place));
    change.reactor = command_.from.user();
    change.emoji = std::move(own);
    return plan;
  }

  Result<Plan> operator()(const PinMessage& pin) const {
    if (auto refused = may_not_pin()) return *std::move(refused);
    return pin.add ? pinning() : unpinning(pin.messageId);
  }

  Result<Plan> operator()(const CreateGroup& create) const {
    if (conversation_.exists) return refuse(ErrorCode::forbidden, "a conversation of this id exists already");
    std::vector<UserId> everyone = create.members;
    if (std::find(everyone.begin(), everyone.end(), command_.from.user()) == everyone.end())
      everyone.emplace_back(command_.from.user());
    std::sort(everyone.begin(), everyone.end());
    Plan plan{draft(command_, EventKind::conversation), {}, true};
    GroupSettings settings;
    create.settings.apply(settings);
    plan.event.content =
        protocol::conversation_event_content(ConversationKind::group, create.name, everyone,
                                             command_.from.user(), create.expiresInSeconds, settings);
    plan.effects.info =
        ConversationInfo{ConversationKind::group, create.name, UserId(command_.from.user()), now_,
                         create.expiresInSeconds, settings};
    for (UserId& user : everyone) {
      const Role role = user == command_.from.user() ? Role::owner : Role::member;
      plan.effects.members.push_back({{std::move(user), role, 1, 0}, false, true});
    }
    return plan;
  }

  Result<Plan> operator()(const UpdateConversation& update) const {
    if (auto refused = may_not_update(update)) return *std::move(refused);
    Plan plan{draft(command_, EventKind::conversation), {}, false};
    plan.effects.info = conversation_.info;
    if (update.name) plan.effects.info->name = *update.name;
    if (update.expiresInSeconds) plan.effects.info->expiresInSeconds = *update.expiresInSeconds;
    update.settings.apply(plan.effects.info->settings);
    plan.event.content =
        protocol::conversation_update_content(update.name, update.expiresInSeconds, command_.from.user(),
                                              update.settings, plan.effects.info->settings);
    return plan;
  }

  Result<Plan> operator()(const AddMembers& add) const {
    if (auto refused = group_right(may().add)) return *std::move(refused);
    std::vector<UserId> fresh;
    for (const UserId& user : add.members)
      if (!conversation_.members.contains(user)) fresh.push_back(user);
    if (fresh.empty()) return refuse(ErrorCode::bad_request, "`members`: all are members already");
    if (conversation_.members.size() + fresh.size() > options_.maxGroupMembers)
      return refuse(ErrorCode::too_large, "the group is full");
    Plan plan{draft(command_, EventKind::member), {}, true};
    plan.event.content =
        protocol::member_event_content(protocol::MemberOp::added, fresh, command_.from.user());
    const bool all = conversation_.info.settings.history == HistoryVisibility::all ||
                     CHATCORE_BUG("whoever comes sees everything");
    const Seq joinSeq = all ? 1 : conversation_.head + 1;
    for (UserId& user : fresh)
      plan.effects.members.push_back(
          {{std::move(user), Role::member, joinSeq, conversation_.ordinal}, false, true});
    return plan;
  }

  Result<Plan> operator()(const RemoveMembers& remove) const {
    if (auto refused = group_admin()) return *std::move(refused);
    for (const UserId& user : remove.members) {
      if (!conversation_.members.contains(user))
        return refuse(ErrorCode::not_found, "`members`: " + user + " is not a member");
      if (user == command_.from.user())
        return refuse(ErrorCode::bad_request, "`members`: to go oneself is conversation.leave");
      if (conversation_.members.find(user)->second.role == Role::owner)
        return refuse(ErrorCode::forbidden, "`members`: " + user + " is the owner");
    }
    return removal(protocol::MemberOp::removed, remove.members);
  }

  Result<Plan> operator()(const SetRole& set) const {
    if (auto refused = group_admin()) return *std::move(refused);
    const auto found = conversation_.members.find(set.userId);
    if (found == conversation_.members.end())
      return refuse(ErrorCode::not_found, "`userId`: " + set.userId + " is not a member");
    if (found->second.role == Role::owner)
      return refuse(ErrorCode::forbidden, "the owner stays one until the group is handed over");
    const bool handsOver = set.role == Role::owner;
    if (handsOver && self()->role != Role::owner)
      return refuse(ErrorCode::forbidden, "only the owner may hand the group over");
    Plan plan{draft(command_, EventKind::member), {}, true};
    plan.event.content = protocol::member_event_content(protocol::MemberOp::role, {&set.userId, 1},
                                                        command_.from.user(), set.role);
    plan.effects.members.push_back(with_role(*found, set.role));
    if (handsOver)
      plan.effects.members.push_back(
          with_role(*conversation_.members.find(command_.from.user()), Role::admin));
    return plan;
  }

  Result<Plan> operator()(const LeaveGroup&) const {
    if (auto refused = group()) return *std::move(refused);
    const std::vector<UserId> leaving{UserId(command_.from.user())};
    if (self()->role != Role::owner) return removal(protocol::MemberOp::left, leaving);
    // A group is never left without an owner while it has members.
    const auto* next = heir();
    if (next == nullptr || CHATCORE_BUG("an owner leaves no heir"))
      return removal(protocol::MemberOp::left, leaving);
    Plan plan = removal(protocol::MemberOp::left, leaving, next->first);
    plan.effects.members.push_back(with_role(*next, Role::owner));
    return plan;
  }

  Result<Plan> operator()(const DeleteGroup&) const {
    if (auto refused = group()) return *std::move(refused);
    if (self()->role != Role::owner)
      return refuse(ErrorCode::forbidden, "only the owner may delete the group");
    if (conversation_.members.size() > options_.maxMembersOfDeleted)
      return refuse(ErrorCode::too_large,
                    "the group has more members than can be removed at once: remove some first");
    std::vector<UserId> everybody;
    everybody.reserve(conversation_.members.size());
    for (const auto& member : conversation_.members) everybody.push_back(member.first);
    std::sort(everybody.begin(), everybody.end());
    return removal(protocol::MemberOp::deleted, everybody);
  }

 private:
  [[nodiscard]] const MemberRecord* self() const {
    const auto found = conversation_.members.find(command_.from.user());
    return found == conversation_.members.end() ? nullptr : &found->second;
  }
  /// The same, without looking for the name among those of a direct conversation.
  [[nodiscard]] bool is_member() const {
    if (between_two()) {
      for (const auto& inbox : conversation_.inboxes)
        if (inbox.second == command_.from.who->inbox) return true;
    }
    return self() != nullptr;
  }
  /// Whether the sender blocks the other side of a direct conversation between two, or is blocked by it.
  [[nodiscard]] bool blocks() const {
    return anybody_blocks() &&
           (is_first() ? conversation_.firstBlocksSecond : conversation_.secondBlocksFirst);
  }
  [[nodiscard]] bool blocked() const {
    return anybody_blocks() &&
           (is_first() ? conversation_.secondBlocksFirst : conversation_.firstBlocksSecond);
  }
  [[nodiscard]] bool between_two() const {
    return conversation_.direct() && conversation_.inboxes.size() == 2;
  }
  [[nodiscard]] bool anybody_blocks() const {
    return (conversation_.firstBlocksSecond || conversation_.secondBlocksFirst) && between_two();
  }
  [[nodiscard]] bool is_first() const { return conversation_.inboxes[0].first == command_.from.user(); }
  [[nodiscard]] static Error you_block() { return refuse(ErrorCode::blocked, "you have blocked this user"); }

  /// The message that a command changes, if its sender can see it and it still stands.
  [[nodiscard]] Result<const FoundMessage*> target() const {
    if (!conversation_.exists || self() == nullptr) return not_a_member();
    const FoundMessage* found = command_.target.get();
    const bool seen = found != nullptr && found->event.kind == EventKind::message &&
                      found->event.seq >= first_visible(self()->joinSeq, self()->cursor) &&
                      (!found->event.hiddenFromOthers || found->event.senderId == command_.from.user()) &&
                      !expired(found->event, now_);
    if (!seen || found->hidden || found->view.state.deleted())
      return refuse(ErrorCode::not_found, "`messageId`: no such message here");
    return found;
  }

  [[nodiscard]] bool too_late(const FoundMessage& message, std::chrono::milliseconds window) const {
    return window.count() != 0 && now_ - message.event.timestamp > window.count();
  }

  [[nodiscard]] Plan change_of(EventKind kind, const FoundMessage& message) const {
    Plan plan{draft(command_, kind), {}, false};
    plan.event.targetId = message.event.messageId;
    plan.event.targetSeq = message.event.seq;
    plan.event.messageType = message.event.messageType;
    plan.event.hiddenFromOthers = message.event.hiddenFromOthers;
    plan.event.expiresAt = message.event.expiresAt;
    MessageChange& change = plan.effects.messages.emplace_back();
    change.state = message.view.state;
    if (!message.event.hiddenFromOthers) change.state.ordinal = message.event.ordinal;
    return plan;
  }

  /// Like a message, a change is refused to who blocks the other side, and kept from who blocks its sender:
  /// then it changes nothing either.
  [[nodiscard]] Result<Plan> change_plan(EventKind kind, const FoundMessage& message) const {
    Plan plan = change_of(kind, message);
    if (blocks()) return you_block();
    if (!blocked()) return plan;
    if (!plan.event.hiddenFromOthers) plan.effects.messages.clear();
    plan.event.hiddenFromOthers = true;
    return plan;
  }

  [[nodiscard]] static std::vector<ReactionCount>::iterator place_of(MessageState& state,
                                                                     const std::string& emoji) {
    return std::lower_bound(
        state.reactions.begin(), state.reactions.end(), emoji,
        [](const ReactionCount& reaction, const std::string& wanted) { return reaction.emoji < wanted; });
  }
  [[nodiscard]] static bool count_one_more(MessageState& state, const std::string& emoji) {
    const auto place = place_of(state, emoji);
    if (place != state.reactions.end() && place->emoji == emoji) return ++place->users, true;
    if (state.reactions.size() >= kMaxEmojiPerMessage) return false;
    state.reactions.insert(place, {emoji, 1});
    return true;
  }
  static void count_one_less(MessageState& state, const std::string& emoji) {
    const auto place = place_of(state, emoji);
    if (place != state.reactions.end() && place->emoji == emoji && --place->users == 0)
      state.reactions.erase(place);
  }

  [[nodiscard]] std::optional<Error> group() const {
    if (!conversation_.exists || self() == nullptr) return not_a_member();
    if (conversation_.direct())
      return refuse(ErrorCode::bad_request, "not possible in a direct conversation");
    return {};
  }
  [[nodiscard]] std::optional<Error> group_admin() const {
    if (auto refused = group()) return refused;
    if (!is_admin(self()->role)) return refuse(ErrorCode::forbidden, "only an admin may do this");
    return {};
  }
  [[nodiscard]] std::optional<Error> group_right(Permission permission) const {
    return permission == Permission::everyone ? group() : group_admin();
  }
  [[nodiscard]] const GroupPermissions& may() const { return conversation_.info.settings.permissions; }

  [[nodiscard]] std::optional<Error> may_not_send() const {
    if (conversation_.direct() || self() == nullptr || is_admin(self()->role)) return {};
    if (may().send == Permission::admins && !CHATCORE_BUG("channels are open to all"))
      return refuse(ErrorCode::forbidden, "only admins may send messages here");
    const std::int64_t wait = slow_mode_wait();
    if (wait == 0) return {};
    return Error{ErrorCode::rate_limited, "slow mode: it is too soon after your last message",
                 std::chrono::milliseconds(wait)};
  }
  [[nodiscard]] std::int64_t slow_mode_wait() const {
    const std::uint32_t pause = conversation_.info.settings.slowModeSeconds;
    if (pause == 0) return 0;
    const bool underWay =
        std::any_of(conversation_.inFlight.begin(), conversation_.inFlight.end(), [&](const InFlight& item) {
          return std::holds_alternative<NewMessage>(item.command->action) &&
                 item.command->from.user() == command_.from.user();
        });
    if (underWay && !CHATCORE_BUG("slow mode overlooks what is under way"))
      return std::int64_t{1'000} * pause;
    return conversation_.slowMode.wait(command_.from.user(), now_, pause);
  }

  /// How long messages last is for either side of a direct conversation to say; all else is a group's.
  [[nodiscard]] std::optional<Error> may_not_update(const UpdateConversation& update) const {
    if (!conversation_.exists || self() == nullptr) return not_a_member();
    if (conversation_.direct() && !update.name && update.settings.empty()) return {};
    return update.settings.empty() ? group_right(may().edit) : group_admin();
  }

  [[nodiscard]] std::optional<Error> may_not_pin() const {
    if (!conversation_.exists || self() == nullptr) return not_a_member();
    if (!conversation_.direct()) return group_right(may().pin);
    if (blocks()) return you_block();
    return {};
  }

  [[nodiscard]] const PinnedMessage* pinned(MessageId messageId) const {
    const auto& pins = conversation_.info.pins;
    const auto found = std::find_if(pins.begin(), pins.end(), [messageId](const PinnedMessage& pin) {
      return pin.messageId == messageId;
    });
    return found == pins.end() ? nullptr : &*found;
  }

  [[nodiscard]] Result<Plan> pinning() const {
    auto found = target();
    if (!found) return std::move(found).error();
    const EventMetadata& message = (*found)->event;
    Plan plan = pin_plan(true, message.messageId, message.seq);
    // The event ends with what it names, and is kept from whoever that is kept from.
    plan.event.expiresAt = message.expiresAt;
    plan.event.hiddenFromOthers |= message.hiddenFromOthers;
    if (plan.event.hiddenFromOthers || pinned(message.messageId) != nullptr) return plan;
    ConversationInfo info = conversation_.info;
    std::erase_if(info.pins,
                  [this](const PinnedMessage& pin) { return pin.expiresAt != 0 && pin.expiresAt <= now_; });
    if (info.pins.size() >= kMaxPinnedMessages)
      return refuse(ErrorCode::too_large, "so many messages are pinned that one has to be removed first");
    info.pins.push_back({message.messageId, message.seq, message.expiresAt});
    plan.effects.info = std::move(info);
    return plan;
  }

  [[nodiscard]] Plan unpinning(MessageId messageId) const {
    const PinnedMessage* pin = pinned(messageId);
    Plan plan = pin_plan(false, messageId, pin == nullptr ? 0 : pin->seq);
    if (pin == nullptr || plan.event.hiddenFromOthers) return plan;
    plan.event.expiresAt = pin->expiresAt;
    plan.effects.info = conversation_.info;
    std::erase(plan.effects.info->pins, *pin);
    return plan;
  }

  /// Who is blocked pins nothing, as such a one changes nothing else.
  [[nodiscard]] Plan pin_plan(bool add, MessageId messageId, Seq seq) const {
    Plan plan{draft(command_, EventKind::conversation), {}, false};
    plan.event.content = protocol::pin_event_content(add, messageId, seq, command_.from.user());
    plan.event.hiddenFromOthers = blocked();
    return plan;
  }

  [[nodiscard]] const std::pair<const std::string, MemberRecord>* heir() const {
    const std::pair<const std::string, MemberRecord>* first = nullptr;
    for (const auto& member : conversation_.members) {
      if (member.first == command_.from.user()) continue;
      if (first == nullptr || inherits_before(member.first, member.second, first->first, first->second))
        first = &member;
    }
    return first;
  }
  [[nodiscard]] static MembershipChange with_role(const std::pair<const std::string, MemberRecord>& member,
                                                  Role role) {
    return {{member.first, role, member.second.joinSeq, member.second.joinOrdinal}};
  }

  [[nodiscard]] Plan message_plan(const NewMessage& message) const {
    Plan plan{draft(command_, EventKind::message), {}, false};
    plan.event.messageType = message.type;
    plan.event.targetId = message.replyTo;
    const std::int64_t seconds =
        message.expiresInSeconds != 0 ? message.expiresInSeconds : conversation_.info.expiresInSeconds;
    if (seconds != 0) plan.event.expiresAt = now_ + seconds * 1'000;
    return plan;  // the content is moved in when the plan is carried out
  }

  [[nodiscard]] Result<Plan> first_message(const NewMessage& message) const {
    if (blocks()) return you_block();
    Plan plan = message_plan(message);
    plan.changesMembers = true;
    plan.effects.info = ConversationInfo{ConversationKind::direct, {}, UserId(command_.from.user()), now_};
    plan.effects.members.push_back({{UserId(command_.from.user()), Role::member, 1, 0}, false, true});
    if (message.to != command_.from.user())
      plan.effects.members.push_back({{message.to, Role::member, 1, 0}, false, true});
    plan.event.hiddenFromOthers = blocked();
    return plan;
  }

  [[nodiscard]] Plan removal(protocol::MemberOp op, const std::vector<UserId>& users,
                             std::string_view newOwner = {}) const {
    Plan plan{draft(command_, EventKind::member), {}, true};
    plan.event.content = protocol::member_event_content(op, users, command_.from.user(), {}, newOwner);
    plan.effects.members.reserve(users.size());
    for (const UserId& user : users) plan.effects.members.push_back({{user, Role::member, 0, 0}, true});
    return plan;
  }

  const Conversation& conversation_;
  const EventCommand& command_;
  const EngineOptions& options_;
  Timestamp now_;
};

}  // namespace

Result<Plan> make_plan(const Conversation& conversation, const EventCommand& command,
                       const EngineOptions& options, Timestamp now) {
  return std::visit(Planner(conversation, command, options, now), command.action);
}

void stamp(Conversation& conversation, Plan& plan, Timestamp now) {
  Event& event = plan.event;
  event.seq = ++conversation.head;
  event.epoch = conversation.epoch;
  event.messageId = next_message_id(conversation.lastMessageId, now, conversation.partition);
  event.timestamp = now;
  const bool counts = !event.hiddenFromOthers || CHATCORE_BUG("hidden messages count as unread");
  if (event.kind == EventKind::message && counts) ++conversation.ordinal;
  event.ordinal = conversation.ordinal;
  conversation.lastMessageId = event.messageId;
  conversation.exists = true;
  if (plan.effects.info) conversation.info = *plan.effects.info;
  if (plan.changesMembers) conversation.memberSeq = event.seq;
  if (counts_until_it_expires(event)) conversation.lastDeletedOrdinal = event.ordinal;
  for (const MessageChange& change : plan.effects.messages)
    if (change.state.deleted())
      conversation.lastDeletedOrdinal = std::max(conversation.lastDeletedOrdinal, change.state.ordinal);
  for (const MembershipChange& change : plan.effects.members) {
    if (change.removed) {
      conversation.members.erase(change.member.userId);
      continue;
    }
    MemberRecord& record = conversation.members[change.member.userId];
    record.role = change.member.role;
    record.joinSeq = change.member.joinSeq;
    record.joinOrdinal = change.member.joinOrdinal;
  }
  if (event.kind != EventKind::message) return;
  // The store does the same by itself.
  if (MemberRecord* sender = conversation.member(event.senderId)) sender->cursor.sentOrdinal = event.ordinal;
}

}  // namespace chatcore::engine
