#include "seam/ordered_link.hpp"

#include <algorithm>
#include <utility>

#include "core/simulation_bug.hpp"

namespace chatcore::seam {

namespace {

/// Packets taken in that are acknowledged at once, where nothing goes the other way.
constexpr std::uint64_t kAcknowledgeEvery = 64;
/// Sent again at once. The rest is asked for when that has come: an end that is behind is not flooded.
constexpr std::size_t kResendBytes = std::size_t{1} << 20;
/// Clocks drift: what was the shortest way this long ago says nothing of now.
constexpr std::chrono::milliseconds kOffsetKept{60'000};

}  // namespace

Packet OrderedLink::packet(PacketKind kind, std::uint64_t seq, Millis now) const {
  Packet made;
  made.kind = kind;
  made.link = number_;
  made.end = end_;
  made.seq = seq;
  made.ack = received_;
  made.sentAt = now;
  return made;
}

void OrderedLink::say(PacketKind kind, Millis now, std::vector<Packet>& out) {
  out.push_back(packet(kind, sent_, now));
  told_ = received_;
  saidAt_ = now;
}

void OrderedLink::say_beat(Millis now, std::vector<Packet>& out) { say(PacketKind::beat, now, out); }

void OrderedLink::send(std::string body, Millis now, std::vector<Packet>& out) {
  if (unacknowledged_.empty()) progressAt_ = movedAt_ = now;
  unacknowledgedBytes_ += body.size();
  unacknowledged_.push_back({++sent_, std::make_shared<const std::string>(std::move(body))});
  say(PacketKind::data, now, out);
  out.back().body = unacknowledged_.back().body;
}

void OrderedLink::acknowledged(std::uint64_t seq, Millis now) {
  while (!unacknowledged_.empty() && unacknowledged_.front().seq <= seq) {
    unacknowledgedBytes_ -= unacknowledged_.front().body->size();
    unacknowledged_.pop_front();
    progressAt_ = movedAt_ = now;
    resentAt_.reset();
  }
}

/// Those that ask again before what they asked for can have come are not answered twice.
void OrderedLink::send_again(Millis now, std::vector<Packet>& out) {
  if (resentAt_ && now - *resentAt_ < options_.resendAfter) return;
  resentAt_ = now;
  std::size_t bytes = 0;
  for (const Unacknowledged& waiting : unacknowledged_) {
    if (bytes > kResendBytes) return;
    bytes += waiting.body->size();
    out.push_back(packet(PacketKind::data, waiting.seq, now));
    out.back().body = waiting.body;
  }
}

/// What is sent again comes in parts: the next one is asked for while this one is still coming.
void OrderedLink::ask_on(std::size_t taken, Millis now, std::vector<Packet>& out) {
  takenSinceAsked_ = received_ < highest_ ? takenSinceAsked_ + taken : 0;
  if (takenSinceAsked_ < kResendBytes / 2) return;
  takenSinceAsked_ = 0;
  say(PacketKind::resend, now, out);
}

void OrderedLink::note_offset(Millis offset, Millis now) {
  if (!offset_ || now - offsetSince_ >= kOffsetKept) {
    earlierOffset_ = std::exchange(offset_, std::nullopt);
    offsetSince_ = now;
  }
  offset_ = std::min(offset_.value_or(offset), offset);
}

OrderedLink::Millis OrderedLink::here(Millis there) const noexcept {
  const Millis least = offset_.value_or(Millis(0));
  return there + std::min(least, earlierOffset_.value_or(least));
}

bool OrderedLink::receive(const PacketView& packet, Millis now, std::vector<Packet>& out) {
  heardAt_ = std::max(heardAt_, now);
  note_offset(now - packet.sentAt, now);
  acknowledged(std::min(packet.ack, sent_), now);
  if (packet.kind == PacketKind::resend) send_again(now, out);
  const bool data = packet.kind == PacketKind::data;
  highest_ = std::max(highest_, packet.seq);
  const std::uint64_t next = received_ + 1;
  const bool over = CHATCORE_BUG("links pass over gaps") && data && packet.seq > next;
  const bool again = CHATCORE_BUG("links take repetitions") && data && packet.seq < next;
  if ((data && packet.seq == next) || over || again) {
    received_ = std::max(received_, packet.seq);
    askedAt_.reset();
    ask_on(packet.body.size(), now, out);
    if (received_ - told_ >= kAcknowledgeEvery) say_beat(now, out);
    return true;
  }
  // What came before and comes again was not heard to have been acknowledged.
  if (data && packet.seq < next) told_ = std::min(told_, packet.seq - 1);
  const bool missing = data ? packet.seq > next : packet.seq > received_;
  if (missing && (!askedAt_ || now - *askedAt_ >= options_.resendAfter)) {
    askedAt_ = now;
    say(PacketKind::resend, now, out);
  }
  return false;
}

void OrderedLink::tick(Millis now, std::vector<Packet>& out) {
  const bool owes = told_ != received_;
  const bool waits = !unacknowledged_.empty() && now - progressAt_ >= options_.resendAfter;
  const bool quiet = now - saidAt_ >= options_.beat;
  if (waits) progressAt_ = now;
  if (owes || waits || quiet) say_beat(now, out);
}

OrderedLink::Health OrderedLink::health(Millis now) const noexcept {
  if (unacknowledgedBytes_ > options_.maxUnacknowledged) return Health::overrun;
  if (!unacknowledged_.empty() && now - movedAt_ >= options_.silence) return Health::stuck;
  return now - heardAt_ >= options_.silence ? Health::silent : Health::good;
}

std::string_view to_string(OrderedLink::Health health) noexcept {
  switch (health) {
    case OrderedLink::Health::good:
      return "it is good";
    case OrderedLink::Health::silent:
      return "it is silent";
    case OrderedLink::Health::stuck:
      return "what was sent does not get through";
    case OrderedLink::Health::overrun:
      return "it does not keep pace";
  }
  return {};
}

}  // namespace chatcore::seam
