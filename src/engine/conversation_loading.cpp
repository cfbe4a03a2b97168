#include <algorithm>

#include "core/simulation_bug.hpp"
#include "engine/conversation_home.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kMaxKeptOrders = 10'000;
constexpr std::size_t kMembersAtATime = 1000;  // what a turn takes in is noticed by everybody on the shard
constexpr std::chrono::milliseconds kAskAgain{1'000};

template <class Value>
void sort_by_user(std::vector<std::pair<UserId, Value>>& entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace

ConversationHome::ConversationHome(Context& context, Outlet& outlet, ReceiptPrivacy& privacy)
    : context_(context),
      outlet_(outlet),
      privacy_(privacy),
      timers_(context.clock->steady()),
      drafts_(context, &Hooks::before_persist_later, context.options.hooks.persistDeadline),
      jobs_(context) {}

ConversationHome::~ConversationHome() = default;

Conversation* ConversationHome::find(std::string_view id) {
  const auto found = conversations_.find(id);
  return found == conversations_.end() ? nullptr : found->second.conversation.get();
}

Conversation& ConversationHome::get_or_load(const ConversationId& id, const EventCommand* cause) {
  const auto found = conversations_.find(id);
  if (found != conversations_.end()) {
    used_.splice(used_.begin(), used_, found->second.position);
    Conversation& known = *found->second.conversation;
    // Something else than a message came first: nobody has asked yet who blocks whom.
    if (!known.exists && known.inboxes.empty() && name_pair(known, cause) &&
        known.state == Conversation::State::ready) {
      known.state = Conversation::State::loading;
      load_blocks(known);
    }
    return known;
  }
  auto conversation = std::make_unique<Conversation>();
  conversation->id = id;
  conversation->partition = partition_of(id);
  conversation->load = ++loads_;
  if (const auto kept = brokenOrders_.find(id); kept != brokenOrders_.end()) {
    conversation->brokenOrder = std::move(kept->second);
    brokenOrders_.erase(kept);
  }
  name_pair(*conversation, cause);
  used_.push_front(id);
  claims_.push_back({id, context_.term});
  return *conversations_.emplace(id, Slot{std::move(conversation), used_.begin()}).first->second.conversation;
}

/// Who the two are is known from the first message only: the id is a hash.
bool ConversationHome::name_pair(Conversation& conversation, const EventCommand* cause) {
  const auto* message = cause != nullptr ? std::get_if<NewMessage>(&cause->action) : nullptr;
  if (message == nullptr || message->to.empty()) return false;
  conversation.inboxes.emplace_back(cause->from.user(), context_.inbox(cause->from.user()));
  if (message->to != cause->from.user())
    conversation.inboxes.emplace_back(message->to, context_.inbox(message->to));
  sort_by_user(conversation.inboxes);
  return true;
}

void ConversationHome::with_loaded(const ConversationId& id, Continuation use) {
  Conversation& conversation = get_or_load(id, nullptr);
  if (conversation.state == Conversation::State::ready) return use(&conversation);
  auto& waiting = continuations_[id];
  if (waiting.size() >= context_.options.maxWaitingPerConversation) return use(nullptr);
  waiting.push_back(std::move(use));
}

void ConversationHome::on_claimed(std::vector<ConversationId> ids, std::vector<Result<LogState>> states) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Conversation* conversation = find(ids[i]);
    if (conversation == nullptr) continue;
    if (!states[i]) {
      fail_loading(*conversation, states[i].error());
      continue;
    }
    auto adoption = std::make_shared<Adoption>(Adoption{std::move(*states[i]), {}, 0});
    adoption->members.reserve(adoption->state.members.size());
    take_members(ids[i], std::move(adoption));
  }
}

void ConversationHome::take_members(const ConversationId& id, std::shared_ptr<Adoption> adoption) {
  Conversation* conversation = find(id);
  if (conversation == nullptr) return;
  std::vector<MemberState>& found = adoption->state.members;
  const std::size_t end = std::min(found.size(), adoption->next + kMembersAtATime);
  for (; adoption->next < end; ++adoption->next) {
    auto& [member, cursor] = found[adoption->next];
    adoption->take(std::move(member.userId),
                   MemberRecord{member.role, member.joinSeq, member.joinOrdinal, cursor});
  }
  if (adoption->next == found.size()) return adopted(*conversation, *adoption);
  context_.executor->post([busy = context_.busy, this, id, adoption = std::move(adoption)]() mutable {
    take_members(id, std::move(adoption));
  });
}

void ConversationHome::Adoption::take(UserId user, const MemberRecord& record) {
  owned |= record.role == Role::owner;
  const auto before = members.find(heir);
  if (before == members.end() || inherits_before(user, record, heir, before->second)) heir = user;
  members.emplace(std::move(user), record);
}

/// Groups that were made before there were owners: whoever made one counts as its owner while an admin of it,
/// or else who would inherit it. Stored once it is handed over.
void ConversationHome::Adoption::name_owner() {
  if (owned || state.info.kind != ConversationKind::group) return;
  const auto maker = members.find(state.info.createdBy);
  const bool stillAdmin = maker != members.end() && is_admin(maker->second.role);
  const auto owner = stillAdmin ? maker : members.find(heir);
  if (owner != members.end()) owner->second.role = Role::owner;
}

void ConversationHome::adopted(Conversation& conversation, Adoption& adoption) {
  adoption.name_owner();
  const bool recovering = conversation.state == Conversation::State::recovering;
  const Seq before = CHATCORE_BUG("recovery publishes again") ? 0 : conversation.committedHead;
  adopt(conversation, adoption);
  keep_cursors(conversation, adoption.members);
  // What was committed without an answer is still to be published, in its place.
  if (recovering && conversation.head > before) {
    read_missing(conversation, before + 1, conversation.head);
  } else if (recovering) {
    finish_recovery(conversation, {});
  } else {
    load_blocks(conversation);
  }
}

void ConversationHome::adopt(Conversation& conversation, Adoption& adoption) {
  LogState& state = adoption.state;
  conversation.adopted = true;
  conversation.exists = state.exists;
  conversation.epoch = state.epoch;
  if (CHATCORE_BUG("the head is not read again")) state.head = std::max(state.head, conversation.head);
  conversation.head = conversation.committedHead = state.head;
  conversation.lastMessageId = std::max(conversation.lastMessageId, state.lastMessageId);
  conversation.ordinal = conversation.committedOrdinal = state.ordinal;
  conversation.lastDeletedOrdinal = std::max(conversation.lastDeletedOrdinal, state.lastDeletedOrdinal);
  conversation.memberSeq = conversation.committedMemberSeq = conversation.publishedMemberSeq =
      state.memberSeq;
  if (!state.exists) {
    conversation.members.clear();
    conversation.audience.reset();
    return;
  }
  conversation.info = std::move(state.info);
  std::swap(conversation.members, adoption.members);
  conversation.audience.reset();
  if (!conversation.direct()) {
    conversation.topic = context_.group_chat(conversation.id);
    return;
  }
  conversation.inboxes.clear();
  for (const auto& [user, member] : conversation.members)
    conversation.inboxes.emplace_back(user, context_.inbox(user));
  sort_by_user(conversation.inboxes);
}

/// What was stored of a cursor while it was read must not be taken back, and where the store was ahead that
/// is yet to be told. Not so what was sent: that may be an event in flight, and may yet be lost.
void ConversationHome::keep_cursors(Conversation& conversation, const StringMap<MemberRecord>& members) {
  std::vector<std::pair<UserId, Cursor>> behind;
  for (const auto& [user, record] : members) {
    MemberRecord* member = conversation.member(user);
    if (member == nullptr) continue;
    Cursor known = record.cursor;
    known.sentOrdinal = 0;
    raise(member->cursor, known);
    if (member->cursor.deliveredSeq > known.deliveredSeq || member->cursor.readSeq > known.readSeq)
      behind.emplace_back(user, known);
  }
  sort_by_user(behind);  // in an order that is not another one in every process
  for (const auto& [user, known] : behind) tell_moved(conversation, user, known, 0);
}

void ConversationHome::load_blocks(Conversation& conversation) {
  if (conversation.inboxes.size() != 2) return become_ready(conversation);
  ask_blocks(conversation);
}

/// Asked at loading, and again whenever somebody blocks or unblocks; commands wait for the first answer only.
void ConversationHome::ask_blocks(Conversation& conversation) {
  conversation.blocksDirty = conversation.askingBlocks;
  if (conversation.askingBlocks) return;
  conversation.askingBlocks = true;
  context_.directory->blocks(
      {{conversation.inboxes[0].first, conversation.inboxes[1].first}}, *context_.executor,
      [busy = context_.busy, this, id = conversation.id,
       load = conversation.load](std::vector<Result<BlockState>> answers) {
        Conversation* loaded = find(id);
        // Loaded anew since, it asks for itself, and is not ready before it is claimed.
        if (loaded == nullptr || loaded->load != load) return;
        loaded->askingBlocks = false;
        const bool loading = loaded->state == Conversation::State::loading;
        if (!answers[0] && loading) return fail_loading(*loaded, answers[0].error());
        // Asked before the change: the answer may be older than what is known.
        if (loaded->blocksDirty) return ask_blocks(*loaded);
        if (answers[0]) {
          loaded->firstBlocksSecond = answers[0]->aBlocksB;
          loaded->secondBlocksFirst = answers[0]->bBlocksA;
        } else {
          context_.log->write(LogLevel::warn, "engine",
                              "blocks not read anew: " + answers[0].error().message);
          timers_.add(context_.clock->steady() + kAskAgain, [this, id] { blocks_changed(id); });
        }
        if (loading) become_ready(*loaded);
      });
}

void ConversationHome::become_ready(Conversation& conversation) {
  conversation.state = Conversation::State::ready;
  const auto found = continuations_.find(conversation.id);
  if (found != continuations_.end()) {
    std::vector<Continuation> waiting = std::move(found->second);
    continuations_.erase(found);
    for (Continuation& use : waiting) use(&conversation);
  }
  run_waiting(conversation);
}

void ConversationHome::fail_loading(Conversation& conversation, const Error& error) {
  const ConversationId id = conversation.id;
  tell_held_receipts(conversation, true);
  context_.log->write(LogLevel::warn, "engine", "conversation " + id + " cannot be loaded: " + error.message);
  const Error told{ErrorCode::unavailable, "the conversation cannot be reached",
                   std::chrono::milliseconds(1000)};
  std::vector<Continuation> waiting;
  if (const auto found = continuations_.find(id); found != continuations_.end()) {
    waiting = std::move(found->second);
    continuations_.erase(found);
  }
  // First what was under way: the session that sent it is told first what it must send first.
  auto& uncertain = conversation.uncertain;
  while (!uncertain.empty()) {
    conversation.waiting.push_front(std::move(uncertain.back().item.command));
    uncertain.pop_back();
  }
  for (const CommandPtr& command : conversation.waiting) reject(conversation, *command, told);
  for (const Waiter& waiter : conversation.waiters) fail_waiter(conversation, waiter, told);
  keep_order(conversation);
  const auto slot = conversations_.find(id);
  used_.erase(slot->second.position);
  conversations_.erase(slot);
  for (Continuation& use : waiting) use(nullptr);
}

/// Who has to send what first outlives the conversation's place in memory.
void ConversationHome::keep_order(Conversation& conversation) {
  if (conversation.brokenOrder.empty()) return;
  if (brokenOrders_.size() >= kMaxKeptOrders) brokenOrders_.clear();
  brokenOrders_[conversation.id] = std::move(conversation.brokenOrder);
}

void ConversationHome::read_missing(Conversation& conversation, Seq from, Seq to) {
  ReadRequest request;
  request.log = conversation.id;
  request.from = from;
  request.to = to;
  request.maxEvents = static_cast<std::uint32_t>(to - from + 1);
  request.maxBytes = UINT32_MAX;
  context_.store->read(
      {request}, *context_.executor,
      [busy = context_.busy, this, id = conversation.id](std::vector<Result<EventRange>> ranges) {
        Conversation* loaded = find(id);
        if (loaded == nullptr) return;
        if (!ranges[0]) return fail_loading(*loaded, ranges[0].error());
        finish_recovery(*loaded, ranges[0]->events);
      });
}

void ConversationHome::finish_recovery(Conversation& conversation, const EventList& committedEvents) {
  std::vector<Uncertain> uncertain = std::move(conversation.uncertain);
  conversation.uncertain.clear();
  for (const EventView& event : committedEvents) {
    const auto known = std::find_if(uncertain.begin(), uncertain.end(), [&](const Uncertain& open) {
      const Event& sent = open.request.events[0];
      return sent.messageId == event.messageId && sent.seq == event.seq;
    });
    if (known != uncertain.end()) {
      const Uncertain decided = std::move(*known);
      uncertain.erase(known);
      committed(conversation, decided.item, decided.request);
    } else {
      publish(conversation, Event(event), {}, 0);
    }
  }
  const Error lost{ErrorCode::unavailable, "the store did not take the event; send it again",
                   std::chrono::milliseconds(500)};
  for (const Uncertain& open : uncertain) reject(conversation, *open.item.command, lost);
  // What was to be published has failed: no event's quiet would ever clear the mark.
  if (conversation.marked && !conversation.headTimer) {
    conversation.lastEventMillis = steady();
    arm_head_timer(conversation);
  }
  become_ready(conversation);
}

void ConversationHome::blocks_changed(const ConversationId& id) {
  Conversation* conversation = find(id);
  // One that is not known yet asks as soon as it is.
  if (conversation == nullptr || !conversation->adopted) return;
  if (conversation->inboxes.size() == 2) ask_blocks(*conversation);
}

void ConversationHome::block_changed(const ConversationId& id, const UserId& by, bool blocked) {
  Conversation* conversation = find(id);
  if (conversation != nullptr && conversation->adopted && conversation->inboxes.size() == 2) {
    const bool first = conversation->inboxes[0].first == by;
    (first ? conversation->firstBlocksSecond : conversation->secondBlocksFirst) = blocked;
  }
  blocks_changed(id);
}

void ConversationHome::recover() { recover_partition(context_.link->self()); }

void ConversationHome::recover_partition(std::uint32_t partition) {
  if (partition >= kPartitions) return;
  context_.store->recover(partition, *context_.executor,
                          [busy = context_.busy, this, partition](Result<std::vector<ConversationId>> logs) {
                            if (!logs) {
                              context_.log->write(LogLevel::error, "engine",
                                                  "recovery of a partition failed: " + logs.error().message);
                            } else {
                              for (const ConversationId& id : *logs) {
                                with_loaded(id, [this](Conversation* conversation) {
                                  if (conversation == nullptr || !conversation->exists) return;
                                  conversation->marked = true;
                                  conversation->lastEventMillis = steady();
                                  arm_head_timer(*conversation);
                                  enqueue_push(*conversation, conversation->committedHead);
                                });
                              }
                            }
                            recover_partition(partition + context_.link->count());
                          });
}

void ConversationHome::refresh_takers(const Topic& topic, ConversationId id,
                                      std::vector<std::pair<SessionId, UserId>> takers, std::uint32_t shard) {
  const auto answer = [this, topic, shard](Seq memberSeq, std::vector<SessionId> allowed) {
    GatewayCommands& gateway = gateway_of(context_, shard);
    if (context_.here(shard)) return gateway.refreshed(topic, memberSeq, std::move(allowed));
    context_.link->send(shard, [&gateway, topic, memberSeq, allowed = std::move(allowed)] {
      gateway.refreshed(topic, memberSeq, allowed);
    });
  };
  with_loaded(id, [answer, takers = std::move(takers)](Conversation* conversation) {
    if (conversation == nullptr) return answer(0, {});  // fail closed: nobody, until they come back
    std::vector<SessionId> allowed;
    for (const auto& [session, user] : takers)
      if (conversation->members.contains(user)) allowed.push_back(session);
    answer(conversation->committedMemberSeq, std::move(allowed));
  });
}

void ConversationHome::evict() {
  std::size_t looked = 0;
  auto position = used_.end();
  while (conversations_.size() > context_.options.maxLoadedConversations && position != used_.begin() &&
         looked++ < 1000) {
    --position;
    const auto found = conversations_.find(*position);
    if (!found->second.conversation->idle() || continuations_.contains(*position)) continue;
    if (!CHATCORE_BUG("eviction forgets the order")) keep_order(*found->second.conversation);
    conversations_.erase(found);
    position = used_.erase(position);
  }
}

}  // namespace chatcore::engine
