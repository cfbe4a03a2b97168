#include <stdexcept>
#include <string>
#include <vector>

#include "driver.hpp"
#include "modes.hpp"
#include "report.hpp"
#include "setup.hpp"
#include "wire.hpp"

namespace chatcore::bench {
namespace {

/// One publisher, N subscribers of its one topic. A message is a number and padding.
class PeerWorkload final : public Workload {
 public:
  PeerWorkload(Fleet& fleet, LinkIndex sender, LinkIndex firstReceiver, const Options& options)
      : fleet_(fleet),
        sender_(sender),
        firstReceiver_(firstReceiver),
        acknowledged_(make_wire(options.wire, options.host)->acknowledges()),
        payload_(std::max<std::size_t>(options.payloadBytes, kDigits), 'x'),
        next_(options.receivers),
        flights_(kMaxUnderWay) {}

  bool launch(std::int64_t since) override {
    if (sent_ - complete_ == kMaxUnderWay) return false;
    flights_[sent_ % kMaxUnderWay] = {.since = since, .remaining = next_.size()};
    auto number = sent_++;
    for (auto i = kDigits; i-- > 0; number /= 10) payload_[i] = static_cast<char>('0' + number % 10);
    fleet_.send_text(sender_, payload_);
    ++tally_.launched;
    if (!acknowledged_) ++tally_.acknowledged;
    return true;
  }

  void on_text(LinkIndex link, std::string_view text, std::int64_t readAt) override {
    if (link == sender_) {
      ++tally_.acknowledged;
      return;
    }
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < kDigits; ++i) number = number * 10 + static_cast<unsigned>(text[i] - '0');
    if (text.size() != payload_.size() || number != next_[link - firstReceiver_]++ || number >= sent_) {
      ++tally_.mismatches;
      return;
    }
    auto& flight = flights_[number % kMaxUnderWay];
    ++tally_.deliveries;
    tally_.delivery.record(readAt - flight.since);
    if (--flight.remaining != 0) return;
    tally_.completion.record(readAt - flight.since);
    ++complete_;
    ++tally_.completed;
  }

 private:
  static constexpr std::uint64_t kMaxUnderWay = 4096;
  static constexpr std::size_t kDigits = 12;

  struct Flight {
    std::int64_t since = 0;
    std::size_t remaining = 0;
  };

  Fleet& fleet_;
  LinkIndex sender_;
  LinkIndex firstReceiver_;
  bool acknowledged_;
  std::string payload_;
  std::uint64_t sent_ = 0;
  std::uint64_t complete_ = 0;
  std::vector<std::uint64_t> next_;  // by receiver
  std::vector<Flight> flights_;
};

}  // namespace

int run_peer(const Options& options) {
  Fleet fleet(options);
  const auto sender = fleet.open(fresh_users("sender", 1));
  const auto first = fleet.open(fresh_users("receiver", options.receivers));
  PeerWorkload load(fleet, sender, first, options);
  prime(fleet, load);
  return report(options, measure(fleet, load, options));
}

}  // namespace chatcore::bench
