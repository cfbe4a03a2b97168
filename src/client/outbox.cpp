#include "client/outbox.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace chatcore::client {

namespace {

constexpr unsigned kOrphanAnswers = 3;

}  // namespace

bool Outbox::add(const std::string& lane, Ticket ticket, OutgoingEvent event) {
  if (size_ >= limits_.queuedSends || laneOf_.contains(event.clientMsgId)) return false;
  auto at = lanes_.try_emplace(lane, Backoff(limits_.backoffBase, limits_.backoffCap)).first;
  laneOf_.emplace(event.clientMsgId, lane);
  at->second.entries.push_back({ticket, nextOrder_++, 0, Millis(0), std::move(event)});
  ++size_;
  return true;
}

Outbox::Lanes::iterator Outbox::next_lane(Millis now) {
  auto best = lanes_.end();
  for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
    const Lane& candidate = lane->second;
    if (candidate.inFlight >= candidate.entries.size() || candidate.blockedUntil > now) continue;
    if (best == lanes_.end() ||
        candidate.entries[candidate.inFlight].order < best->second.entries[best->second.inFlight].order)
      best = lane;
  }
  return best;
}

std::vector<Outbox::Transmission> Outbox::take(Millis now, std::uint64_t& nextRequestId) {
  std::vector<Transmission> out;
  while (inFlight_ < limits_.sendsInFlight) {
    const auto lane = next_lane(now);
    if (lane == lanes_.end()) break;
    Entry& entry = lane->second.entries[lane->second.inFlight++];
    entry.requestId = nextRequestId++;
    entry.expires = now + limits_.requestTimeout;
    laneOfRequest_.emplace(entry.requestId, lane->first);
    ++inFlight_;
    out.push_back({entry.requestId, &entry.event});
  }
  return out;
}

Ticket Outbox::erase(Place place) {
  Lane& lane = place.lane->second;
  Entry& entry = lane.entries[place.index];
  const Ticket ticket = entry.ticket;
  if (entry.requestId != 0) {
    laneOfRequest_.erase(entry.requestId);
    --lane.inFlight;
    --inFlight_;
  }
  laneOf_.erase(entry.event.clientMsgId);
  lane.entries.erase(lane.entries.begin() + static_cast<std::ptrdiff_t>(place.index));
  --size_;
  lane.backoff.reset();
  lane.orphanAnswers = 0;
  if (lane.entries.empty()) lanes_.erase(place.lane);
  return ticket;
}

std::optional<Ticket> Outbox::refused(const ClientMsgId& id) {
  const auto known = laneOf_.find(id);
  if (known == laneOf_.end()) return std::nullopt;
  const auto lane = lanes_.find(known->second);
  auto& entries = lane->second.entries;
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.event.clientMsgId == id; });
  assert(entry != entries.end());
  return erase({lane, static_cast<std::size_t>(entry - entries.begin())});
}

std::optional<Ticket> Outbox::confirmed(const ClientMsgId& id) {
  const auto ticket = refused(id);
  if (ticket) remember(id);
  return ticket;
}

void Outbox::remember(const ClientMsgId& id) {
  if (!confirmed_.insert(id).second) return;
  confirmedOrder_.push_back(id);
  if (confirmedOrder_.size() <= limits_.queuedSends) return;
  confirmed_.erase(confirmedOrder_.front());
  confirmedOrder_.pop_front();
}

std::optional<Outbox::Place> Outbox::find_request(std::uint64_t requestId) {
  const auto known = laneOfRequest_.find(requestId);
  if (known == laneOfRequest_.end()) return std::nullopt;
  const auto lane = lanes_.find(known->second);
  const auto& entries = lane->second.entries;
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.requestId == requestId; });
  assert(entry != entries.end());
  return Place{lane, static_cast<std::size_t>(entry - entries.begin())};
}

std::optional<Ticket> Outbox::refused(std::uint64_t requestId) {
  const auto place = find_request(requestId);
  if (!place) return std::nullopt;
  return erase(*place);
}

Outbox::Setback Outbox::failed(std::uint64_t requestId, const Error& error, Millis now) {
  const auto place = find_request(requestId);
  if (!place) return {};
  Lane& lane = place->lane->second;
  // Told to send something earlier first, although nothing of ours is earlier: a command made by another
  // way failed there, and only a new session forgets it.
  if (place->index == 0) {
    const bool orphan = error.code == ErrorCode::retry_in_order;
    lane.orphanAnswers = orphan ? lane.orphanAnswers + 1 : 0;
  }
  pull_back(lane, place->index);
  lane.blockedUntil = now + std::max(error.retryAfter, lane.backoff.next(random_));
  const bool orphaned = lane.orphanAnswers >= kOrphanAnswers;
  if (orphaned) lane.orphanAnswers = 0;
  return {true, orphaned};
}

void Outbox::pull_back(Lane& lane, std::size_t from) {
  for (std::size_t i = from; i < lane.inFlight; ++i) {
    laneOfRequest_.erase(lane.entries[i].requestId);
    lane.entries[i].requestId = 0;
    --inFlight_;
  }
  lane.inFlight = std::min(lane.inFlight, from);
}

void Outbox::expire(Millis now) {
  for (auto& [name, lane] : lanes_) {
    // In flight is a prefix sent in order: the first is the oldest.
    if (lane.inFlight == 0 || lane.entries.front().expires > now) continue;
    pull_back(lane, 0);
    lane.blockedUntil = now + lane.backoff.next(random_);
  }
}

void Outbox::connection_lost() {
  for (auto& [name, lane] : lanes_) {
    pull_back(lane, 0);
    lane.blockedUntil = Millis(0);
    lane.orphanAnswers = 0;
  }
}

std::vector<Ticket> Outbox::clear() {
  std::map<std::uint64_t, Ticket> inOrder;
  for (const auto& [name, lane] : lanes_)
    for (const Entry& entry : lane.entries) inOrder.emplace(entry.order, entry.ticket);
  lanes_.clear();
  laneOf_.clear();
  laneOfRequest_.clear();
  size_ = inFlight_ = 0;
  std::vector<Ticket> tickets;
  for (const auto& [order, ticket] : inOrder) tickets.push_back(ticket);
  return tickets;
}

std::optional<Millis> Outbox::deadline() const {
  std::optional<Millis> earliest;
  const auto consider = [&](Millis at) { earliest = earliest ? std::min(*earliest, at) : at; };
  for (const auto& [name, lane] : lanes_) {
    if (lane.inFlight > 0) consider(lane.entries.front().expires);
    if (lane.inFlight < lane.entries.size() && inFlight_ < limits_.sendsInFlight) consider(lane.blockedUntil);
  }
  return earliest;
}

}  // namespace chatcore::client
