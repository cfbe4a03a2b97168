#include "gateway/topic_table.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace chatcore::gateway {

namespace {
constexpr std::size_t kMaxUnsettled = 1U << 20;
}

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
  if (!entry.takers.empty()) return;
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
  if (!takes(index, slot)) add(index, slot);
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
  if (envelope.head != nullptr) return compare_head(*entry, index, *envelope.head);
  if (envelope.memberSeq > entry->memberSeq || entry->refreshing) {
    hold(*entry, *envelope.frame);
    if (!entry->refreshing) begin_refresh(*entry);
    return;
  }
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
    if (openFor > head.age.count()) missed_.push_back({sessions_.id(taker.slot), {head.key, head.number}});
  }
}

std::vector<ConnectionSlot> TopicTable::slots_of(const Topic& inbox) {
  std::vector<ConnectionSlot> slots;
  if (const Entry* entry = find(inbox))
    for (const Taker& taker : entry->takers) slots.push_back(taker.slot);
  return slots;
}

void TopicTable::change_members(const Topic& topic, const MembershipDelta& delta) {
  const Entry* entry = find(topic);
  // A table made from a claim newer than this change still has to apply it: the claim spoke of one user only.
  const bool continues = entry == nullptr || entry->memberSeq >= delta.previous;
  for (const Topic& inbox : delta.removed) {
    for (ConnectionSlot slot : slots_of(inbox)) unsubscribe(sessions_.id(slot), topic);
  }
  if (!continues) {  // who came in with the missed change is found by the refresh
    if (Entry* left = find(topic); left != nullptr && !left->refreshing) begin_refresh(*left);
    return;
  }
  if (Entry* left = find(topic)) left->memberSeq = std::max(left->memberSeq, delta.memberSeq);
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

void TopicTable::hold(Entry& entry, const Frame& frame) {
  if (frame.delivery_class() != DeliveryClass::live) return;
  entry.heldKey.assign(frame.mark_key());
  entry.heldNumber = std::max(entry.heldNumber, frame.mark_number());
}

std::vector<SessionId> TopicTable::takers(const Topic& topic) const {
  std::vector<SessionId> ids;
  const std::uint32_t index = topic->local(shard_);
  if (index == TopicEntry::kNotHere) return ids;
  for (const Taker& taker : topics_[index].takers) ids.push_back(sessions_.id(taker.slot));
  return ids;
}

void TopicTable::begin_refresh(Entry& entry) {
  entry.refreshing = true;
  onStale_(entry.topic, takers(entry.topic));
}

void TopicTable::refreshed(const Topic& topic, Seq memberSeq, const std::vector<SessionId>& allowed) {
  Entry* entry = find(topic);
  if (entry == nullptr || !entry->refreshing) return;
  entry->refreshing = false;
  entry->memberSeq = std::max(entry->memberSeq, memberSeq);
  const WithheldMark held{std::exchange(entry->heldKey, {}), std::exchange(entry->heldNumber, 0)};
  std::vector<SessionId> keep = allowed;
  std::sort(keep.begin(), keep.end());
  for (SessionId session : takers(topic)) {
    if (!std::binary_search(keep.begin(), keep.end(), session)) {
      unsubscribe(session, topic);
    } else if (held.number != 0) {
      missed_.push_back({session, held});
    }
  }
}

}  // namespace chatcore::gateway
