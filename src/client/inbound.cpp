#include "client/inbound.hpp"

#include <algorithm>
#include <utility>

#include "core/simulation_bug.hpp"

namespace chatcore::client {

namespace {

constexpr std::size_t kFetchesAtATime = 4;

Millis fruitless_pause(unsigned times) {
  return std::min(Millis(500) * (1 << std::min(times, 6U)), Millis(30'000));
}

}  // namespace

void Inbound::restore(const std::vector<Watermark>& watermarks) {
  for (const Watermark& mark : watermarks) {
    Log* log = find_or_create(mark.conversationId);
    if (log == nullptr) return;
    log->epoch = mark.epoch;
    log->last = mark.seq;
    log->based = true;
  }
}

Inbound::Log* Inbound::find_or_create(const ConversationId& id) {
  if (const auto known = logs_.find(id); known != logs_.end()) return &known->second;
  if (logs_.size() >= limits_.conversations) return nullptr;
  return &logs_[id];
}

void Inbound::begin_epoch(Log& log, Epoch epoch) {
  log.epoch = epoch;
  log.last = log.target = 0;
  log.based = false;
  log.held.clear();
  log.fruitless = 0;
}

void Inbound::begin_sync() {
  syncing_ = true;
  for (auto& [id, log] : logs_) log.heardSinceSync = false;
}

bool Inbound::heard_during_sync(const ConversationId& id) const {
  const auto known = logs_.find(id);
  return known != logs_.end() && known->second.heardSinceSync;
}

bool Inbound::heard_during_fetch(const ConversationId& id) const {
  const auto known = logs_.find(id);
  return known != logs_.end() && known->second.fetching && known->second.heardSinceFetch;
}

bool Inbound::live(Millis now, LogEvent event, std::vector<LogEvent>& applied) {
  Log* log = find_or_create(event.conversationId);
  if (log == nullptr) return false;
  log->heardSinceSync = log->heardSinceFetch = true;
  if (event.epoch < log->epoch) return true;
  if (event.epoch > log->epoch) begin_epoch(*log, event.epoch);
  if (!log->based && event.seq == 1) log->based = true;
  if (log->based && event.seq <= log->last) return true;

  const ConversationId id = event.conversationId;
  log->target = std::max(log->target, event.seq);
  const bool next = log->based && (event.seq == log->last + 1 || CHATCORE_BUG("the client skips gaps"));
  const Seq seq = event.seq;
  hold(*log, std::move(event), next);
  if (next) apply_held(*log, seq, applied);
  reconsider(now, id, *log);
  return true;
}

bool Inbound::range(Millis now, LogRange range, std::vector<LogEvent>& applied) {
  Log* log = find_or_create(range.conversationId);
  if (log == nullptr) return false;
  if (range.epoch < log->epoch) return true;
  if (range.epoch > log->epoch) begin_epoch(*log, range.epoch);

  const bool empty = range.toSeq == 0 || range.fromSeq > range.toSeq;
  if (!log->based) {
    // The newest page is where a conversation begins for this client; what is older comes by history.
    log->last = empty ? range.headSeq : std::max<Seq>(range.fromSeq, 1) - 1;
    log->based = true;
    // Held events from before it would be shown with a hole behind them.
    log->held.erase(log->held.begin(), log->held.upper_bound(log->last));
  }
  log->target = std::max({log->target, range.headSeq, empty ? 0 : range.toSeq});
  if (!empty) {
    const bool joins = range.fromSeq <= log->last + 1;
    for (LogEvent& event : range.events)
      if (event.seq > log->last && event.seq <= range.toSeq) hold(*log, std::move(event), joins);
    if (joins && range.toSeq > log->last) apply_held(*log, range.toSeq, applied);
  }
  log->held.erase(log->held.begin(), log->held.upper_bound(log->last));
  apply_held(*log, log->last, applied);
  reconsider(now, range.conversationId, *log);
  return true;
}

bool Inbound::head(Millis now, const ConversationId& id, Epoch epoch, Seq seq) {
  Log* log = find_or_create(id);
  if (log == nullptr) return false;
  if (epoch < log->epoch) return true;
  if (epoch > log->epoch) begin_epoch(*log, epoch);
  log->target = std::max(log->target, seq);
  reconsider(now, id, *log);
  if (log->fetchAt) log->fetchAt = now;
  return true;
}

bool Inbound::restart(Millis now, const ConversationId& id, Epoch epoch, Seq headSeq) {
  Log* log = find_or_create(id);
  if (log == nullptr) return false;
  begin_epoch(*log, epoch);
  log->target = headSeq;
  // The answer to a fetch under way may still speak of the old log.
  log->fetchAt = now;
  behind_.insert(id);
  return true;
}

void Inbound::forget(const ConversationId& id) {
  const auto known = logs_.find(id);
  if (known == logs_.end()) return;
  if (known->second.fetching) --fetching_;
  behind_.erase(id);
  logs_.erase(known);
}

void Inbound::connection_lost() {
  for (auto& [id, log] : logs_) log.fetching = false;
  fetching_ = 0;
  syncing_ = false;
}

void Inbound::hold(Log& log, LogEvent event, bool always) {
  const auto place = log.held.find(event.seq);
  if (place != log.held.end()) return;  // what came first stays: an Own must not become a Message
  if (!always && log.held.size() >= limits_.heldEvents) return;  // comes again with the fetched range
  const Seq seq = event.seq;
  log.held.emplace(seq, std::move(event));
}

/// Gives on everything up to `upTo`, whatever is missing in between, and then what follows without a gap.
void Inbound::apply_held(Log& log, Seq upTo, std::vector<LogEvent>& applied) {
  while (!log.held.empty()) {
    const auto first = log.held.begin();
    if (first->first > upTo && first->first != std::max(log.last, upTo) + 1) break;
    log.last = first->first;
    applied.push_back(std::move(first->second));
    log.held.erase(first);
  }
  log.last = std::max(log.last, upTo);
}

void Inbound::reconsider(Millis now, const ConversationId& id, Log& log) {
  if (log.based && log.last >= log.target) {
    log.fetchAt.reset();
    log.fruitless = 0;
    behind_.erase(id);
    return;
  }
  if (!log.fetchAt) log.fetchAt = log.based ? now + limits_.gapPatience : now;
  behind_.insert(id);
}

std::vector<Inbound::Fetch> Inbound::take_fetches(Millis now) {
  std::vector<Fetch> out;
  if (syncing_) return out;
  for (const ConversationId& id : behind_) {
    if (fetching_ >= kFetchesAtATime) break;
    Log& log = logs_.at(id);
    if (log.fetching || *log.fetchAt > now) continue;
    log.fetching = true;
    log.heardSinceFetch = false;
    log.lastBeforeFetch = log.last;
    ++fetching_;
    out.push_back({id, log.epoch, log.based ? std::optional(log.last) : std::nullopt});
  }
  return out;
}

void Inbound::fetch_ended(Millis now, const ConversationId& id, bool answered, Millis retryAfter) {
  const auto known = logs_.find(id);
  if (known == logs_.end() || !known->second.fetching) return;
  Log& log = known->second;
  log.fetching = false;
  --fetching_;
  if (!log.fetchAt) return;
  const bool progress = answered && log.last != log.lastBeforeFetch;
  log.fruitless = progress ? 0 : log.fruitless + 1;
  log.fetchAt = progress ? now : now + std::max(retryAfter, fruitless_pause(log.fruitless));
}

std::optional<Millis> Inbound::deadline() const {
  std::optional<Millis> earliest;
  if (syncing_ || fetching_ >= kFetchesAtATime) return earliest;
  for (const ConversationId& id : behind_) {
    const Log& log = logs_.at(id);
    if (!log.fetching && (!earliest || *log.fetchAt < *earliest)) earliest = log.fetchAt;
  }
  return earliest;
}

std::vector<Watermark> Inbound::watermarks() const {
  std::vector<Watermark> out;
  for (const auto& [id, log] : logs_)
    if (log.based) out.push_back({id, log.epoch, log.last});
  return out;
}

void Inbound::synced() {
  for (auto& [id, log] : logs_) log.lastSynced = log.last;
}

std::vector<Watermark> Inbound::watermarks_since_synced() const {
  std::vector<Watermark> out;
  for (const auto& [id, log] : logs_)
    if (log.based && log.last != log.lastSynced) out.push_back({id, log.epoch, log.last});
  return out;
}

std::optional<Watermark> Inbound::watermark(const ConversationId& id) const {
  const auto known = logs_.find(id);
  if (known == logs_.end() || !known->second.based) return std::nullopt;
  return Watermark{id, known->second.epoch, known->second.last};
}

}  // namespace chatcore::client
