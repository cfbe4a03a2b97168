#include "gateway/topic_table.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/simulation_bug.hpp"

namespace chatcore::gateway {

namespace {
constexpr std::size_t kMaxUnsettled = 1U << 20;
constexpr std::int64_t kClockSlackMillis = 300;  // times here are as of the last tick or two
}  // namespace

TopicTable::TopicTable(std::uint32_t shard, SessionTable& sessions, Router& router, StaleHandler onStale)
    : shard_(shard), sessions_(sessions), router_(router), onStale_(std::move(onStale)) {}

TopicTable::Entry* TopicTable::find(const Topic& topic) {
  const std::uint32_t index = topic->local(shard_);
  return index == TopicEntry::kNotHere ? nullptr : &topics_[index];
}

TopicTable::Entry& TopicTable::entry_for(const Topic& topic, Seq memberSeq) {
  if (Entry* known = find(topic)) return *known;
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(topics_.size());
    topics_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  topic->local(shard_) = index;
  topics_[index].topic = topic;
  topics_[index].memberSeq = memberSeq;
  router_.take(shard_, topic);
  return topics_[index];
}

bool TopicTable::takes(std::uint32_t index, ConnectionSlot slot) {
  const auto& links = sessions_.links(slot);
  // Whichever list is shorter: a person is in few topics, or the topic has few takers.
  if (links.size() <= topics_[index].takers.size())
    return std::any_of(links.begin(), links.end(),
                       [&](const TopicLink& link) { return link.topic == index; });
  return std::any_of(topics_[index].takers.begin(), topics_[index].takers.end(),
                     [&](const Taker& taker) { return taker.slot == slot; });
}

void TopicTable::add(std::uint32_t index, ConnectionSlot slot) {
  auto& links = sessions_.links(slot);
  auto& takers = topics_[index].takers;
  takers.push_back({slot, static_cast<std::uint32_t>(links.size())});
  links.push_back({index, static_cast<std::uint32_t>(takers.size() - 1)});
}

void TopicTable::remove_link(ConnectionSlot slot, std::uint32_t link) {
  auto& links = sessions_.links(slot);
  const TopicLink gone = links[link];
  auto& takers = topics_[gone.topic].takers;
  // Both lists close the hole with their last element, whose counterpart learns its new place.
  if (gone.position + 1 != takers.size()) {
    takers[gone.position] = takers.back();
    sessions_.links(takers[gone.position].slot)[takers[gone.position].link].position = gone.position;
  }
  takers.pop_back();
  if (link + 1 != links.size()) {
    links[link] = links.back();
    topics_[links[link].topic].takers[links[link].position].link = link;
  }
  links.pop_back();
  release_if_unused(gone.topic);
}

void TopicTable::release_if_unused(std::uint32_t index) {
  Entry& entry = topics_[index];
  // A question that is open speaks of who may come, and its answer of this topic.
  if (!entry.takers.empty() || entry.refresh != nullptr) return;
  router_.leave(shard_, entry.topic);
  entry.topic->local(shard_) = TopicEntry::kNotHere;
  entry = Entry{};
  free_.push_back(index);
}

SubscribeOutcome TopicTable::subscribe(SessionId session, const Topic& topic, Seq memberSeq) {
  const ConnectionSlot slot = slot_of(session);
  if (!sessions_.alive(session) || sessions_.hot(slot).state == SessionState::closing)
    return SubscribeOutcome::gone;
  if (const Entry* known = find(topic); known != nullptr && known->memberSeq > memberSeq)
    return SubscribeOutcome::stale_claim;
  entry_for(topic, memberSeq);
  const std::uint32_t index = topic->local(shard_);
  if (!takes(index, slot)) {
    add(index, slot);
    if (topics_[index].refresh != nullptr) topics_[index].refresh->again = true;
  }
  return SubscribeOutcome::ok;
}

void TopicTable::unsubscribe(SessionId session, const Topic& topic) {
  const std::uint32_t index = topic->local(shard_);
  if (index == TopicEntry::kNotHere || !sessions_.alive(session)) return;
  const ConnectionSlot slot = slot_of(session);
  const auto& links = sessions_.links(slot);
  for (std::uint32_t link = 0; link < links.size(); ++link)
    if (links[link].topic == index) return remove_link(slot, link);
}

void TopicTable::forget(ConnectionSlot slot) {
  auto& links = sessions_.links(slot);
  while (!links.empty()) remove_link(slot, static_cast<std::uint32_t>(links.size() - 1));
  links.shrink_to_fit();
}

void TopicTable::publish(const Topic& topic, const Envelope& envelope) {
  Entry* entry = find(topic);
  if (entry == nullptr) return;
  const std::uint32_t index = topic->local(shard_);
  if (envelope.memberSeq > entry->memberSeq || entry->refresh != nullptr) {
    if (entry->refresh == nullptr) begin_refresh(*entry);
    // The engine may have answered at once: then the topic may be gone, or right again.
    entry = find(topic);
    if (entry == nullptr) return;
    if (entry->refresh != nullptr) return hold(*entry, envelope);
    if (envelope.memberSeq > entry->memberSeq) return;
  }
  if (envelope.head != nullptr) return compare_head(*entry, index, *envelope.head);
  Frame* frame = envelope.frame.get();
  const ConnectionSlot except =
      envelope.except != 0 && sessions_.alive(envelope.except) && shard_of(envelope.except) == shard_
          ? slot_of(envelope.except)
          : UINT32_MAX;
  note_mark(index, *frame);
  std::uint32_t references = 0;
  for (const Taker& taker : entry->takers)
    if (taker.slot != except) references += sessions_.enqueue_shared(taker.slot, frame);
  if (references != 0) frame->add_references(references);
}

void TopicTable::note_mark(std::uint32_t index, const Frame& frame) {
  if (frame.delivery_class() != DeliveryClass::live || frame.mark_key().empty()) return;
  if (unsettled_.size() >= kMaxUnsettled)
    unsettled_.clear();  // costs the sessions a needless sync, nothing else
  std::uint64_t& highest = unsettled_[{index, StringHash{}(frame.mark_key())}];
  highest = std::max(highest, frame.mark_number());
}

void TopicTable::compare_head(Entry& entry, std::uint32_t index, const HeadMark& head) {
  const auto seen = unsettled_.find({index, StringHash{}(head.key)});
  const bool behind = seen == unsettled_.end() || seen->second < head.number;
  if (seen != unsettled_.end()) unsettled_.erase(seen);
  if (!behind) return;
  for (const Taker& taker : entry.takers) {
    // Who came after the commit has it from its own sync.
    const std::int64_t openFor = nowMillis_ - std::int64_t{sessions_.hot(taker.slot).openedTick} * 100;
    if (openFor + kClockSlackMillis > head.age.count())
      missed_.push_back({sessions_.id(taker.slot), {head.key, head.number}});
  }
}

std::vector<ConnectionSlot> TopicTable::slots_of(const Topic& inbox) {
  std::vector<ConnectionSlot> slots;
  if (const Entry* entry = find(inbox))
    for (const Taker& taker : entry->takers) slots.push_back(taker.slot);
  return slots;
}

void TopicTable::change_members(const Topic& topic, const MembershipDelta& delta) {
  for (const Topic& inbox : delta.removed) {
    if (CHATCORE_BUG("the removed go on receiving")) break;
    for (ConnectionSlot slot : slots_of(inbox)) unsubscribe(sessions_.id(slot), topic);
  }
  // A table made from a claim newer than this change still has to apply it: the claim spoke of one user only.
  Entry* entry = find(topic);
  if (entry != nullptr && (entry->memberSeq < delta.previous || entry->refresh != nullptr)) {
    // Changes were missed: who came in with this one is a candidate, and the engine says who may.
    std::vector<SessionId> newcomers;
    for (const Topic& inbox : delta.added)
      for (ConnectionSlot slot : slots_of(inbox)) newcomers.push_back(sessions_.id(slot));
    return ask_about(*entry, newcomers);
  }
  if (entry != nullptr) entry->memberSeq = std::max(entry->memberSeq, delta.memberSeq);
  for (const Topic& inbox : delta.added) {
    for (ConnectionSlot slot : slots_of(inbox)) {
      if (sessions_.hot(slot).state == SessionState::closing) continue;
      entry_for(topic, delta.memberSeq);
      if (!takes(topic->local(shard_), slot)) add(topic->local(shard_), slot);
    }
  }
  // The router marked this shard as a taker before it sent the change; nobody may have come of it.
  if (find(topic) == nullptr) router_.leave(shard_, topic);
}

void TopicTable::ask_about(SessionId session, const Topic& topic) {
  Entry* entry = find(topic);
  if (entry != nullptr && sessions_.alive(session)) ask_about(*entry, {session});
}

void TopicTable::ask_about(Entry& entry, const std::vector<SessionId>& candidates) {
  const bool asking = entry.refresh != nullptr;
  if (!asking) entry.refresh = std::make_unique<Refresh>();
  auto& known = entry.refresh->candidates;
  known.insert(known.end(), candidates.begin(), candidates.end());
  if (asking) {
    entry.refresh->again = true;
  } else {
    begin_refresh(entry);
  }
}

void TopicTable::hold(Entry& entry, const Envelope& envelope) {
  if (envelope.head == nullptr && envelope.frame->delivery_class() != DeliveryClass::live) return;
  const std::uint64_t number =
      envelope.head != nullptr ? envelope.head->number : envelope.frame->mark_number();
  entry.refresh->heldKey.assign(envelope.head != nullptr ? envelope.head->key : envelope.frame->mark_key());
  entry.refresh->heldNumber = std::max(entry.refresh->heldNumber, number);
}

std::vector<SessionId> TopicTable::takers(const Topic& topic) const {
  std::vector<SessionId> ids;
  const std::uint32_t index = topic->local(shard_);
  if (index == TopicEntry::kNotHere) return ids;
  for (const Taker& taker : topics_[index].takers) ids.push_back(sessions_.id(taker.slot));
  return ids;
}

void TopicTable::begin_refresh(Entry& entry) {
  if (entry.refresh == nullptr) entry.refresh = std::make_unique<Refresh>();
  Refresh& refresh = *entry.refresh;
  refresh.again = false;
  const Topic topic = entry.topic;
  refresh.asked = takers(topic);
  refresh.asked.insert(refresh.asked.end(), refresh.candidates.begin(), refresh.candidates.end());
  refresh.candidates.clear();
  std::sort(refresh.asked.begin(), refresh.asked.end());
  refresh.asked.erase(std::unique(refresh.asked.begin(), refresh.asked.end()), refresh.asked.end());
  onStale_(topic, refresh.asked);
}

void TopicTable::refreshed(const Topic& topic, Seq memberSeq, const std::vector<SessionId>& allowed) {
  Entry* entry = find(topic);
  if (entry == nullptr || entry->refresh == nullptr) return;
  const std::uint32_t index = topic->local(shard_);
  const std::vector<SessionId> asked = std::exchange(entry->refresh->asked, {});
  entry->memberSeq = std::max(entry->memberSeq, memberSeq);
  std::vector<SessionId> keep = allowed;
  std::sort(keep.begin(), keep.end());
  for (SessionId session : asked) {
    const bool may = std::binary_search(keep.begin(), keep.end(), session) && sessions_.alive(session) &&
                     sessions_.hot(slot_of(session)).state != SessionState::closing;
    if (!may) {
      unsubscribe(session, topic);
    } else if (!takes(index, slot_of(session))) {
      add(index, slot_of(session));
    }
  }
  if (entry->refresh->again) return begin_refresh(*entry);
  const std::unique_ptr<Refresh> done = std::move(entry->refresh);
  if (done->heldNumber != 0)
    for (SessionId session : takers(topic)) missed_.push_back({session, {done->heldKey, done->heldNumber}});
  release_if_unused(index);
}

void TopicTable::forget_questions() {
  for (std::uint32_t index = 0; index < topics_.size(); ++index) {
    if (topics_[index].refresh == nullptr) continue;
    topics_[index].refresh = nullptr;
    release_if_unused(index);
  }
}

}  // namespace chatcore::gateway
