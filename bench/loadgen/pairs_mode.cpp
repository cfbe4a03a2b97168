#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "driver.hpp"
#include "frame_scan.hpp"
#include "modes.hpp"
#include "report.hpp"
#include "server_process.hpp"
#include "setup.hpp"

namespace chatcore::bench {
namespace {

/// Even links send, the odd link after each receives.
class PairsWorkload final : public Workload {
 public:
  PairsWorkload(Fleet& fleet, LinkIndex first, const std::vector<std::string>& users, const Options& options)
      : fleet_(fleet), first_(first), acknowledge_(options.acknowledge), content_(options.payloadBytes, 'x') {
    for (std::size_t i = 1; i < users.size(); i += 2) pairs_.emplace_back().receiver = users[i];
    // Every pair has its turn before any has its second; more in flight than pairs means several of one pair.
    const auto turns = std::max<std::size_t>(pairs_.size(), options.rate > 0 ? 0 : options.inFlight);
    for (std::size_t i = 0; i < turns; ++i) ready_.push_back(static_cast<std::uint32_t>(i % pairs_.size()));
  }

  bool launch(std::int64_t since) override {
    if (ready_.empty()) return false;
    auto& pair = pairs_[ready_.front()];
    if (pair.sent - pair.arrived == kMaxUnderWay) return false;
    const auto link = first_ + 2 * ready_.front();
    ready_.pop_front();
    pair.since[pair.sent++ % kMaxUnderWay] = since;
    frame_.assign(R"({"type":"message.send",)");
    if (pair.conversation.empty()) {
      frame_.append(R"("to":")").append(pair.receiver);
    } else {
      frame_.append(R"("conversationId":")").append(pair.conversation);
    }
    frame_.append(R"(","clientMsgId":")");
    append_uuid4(frame_);
    frame_.append(R"(","content":")").append(content_).append("\"}");
    fleet_.send_text(link, frame_);
    ++tally_.launched;
    return true;
  }

  void on_text(LinkIndex link, std::string_view text, std::int64_t readAt) override {
    const auto number = (link - first_) / 2;
    auto& pair = pairs_[number];
    const bool atSender = (link - first_) % 2 == 0;
    if (!atSender && is_type(text, "message.new")) {
      on_message(link, number, text, readAt);
    } else if (atSender && is_type(text, "message.sent")) {
      on_sent(pair, text);
    } else if (is_type(text, "error") || is_type(text, "sync.required") || is_type(text, "message.new")) {
      throw std::runtime_error(std::string(text));
    }
  }

 private:
  static constexpr std::uint64_t kMaxUnderWay = 64;

  struct Pair {
    std::string receiver;
    std::string conversation;  // known from the first message.sent on
    std::uint64_t firstSeq = 0;
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;
    std::uint64_t acknowledged = 0;
    std::int64_t since[kMaxUnderWay] = {};
  };

  void on_message(LinkIndex link, std::uint32_t number, std::string_view text, std::int64_t readAt) {
    auto& pair = pairs_[number];
    const auto seq = find_number(text, "\"seq\"");
    if (!seq) throw std::runtime_error("no seq: " + std::string(text));
    if (pair.firstSeq == 0) pair.firstSeq = *seq;
    if (*seq != pair.firstSeq + pair.arrived || pair.arrived >= pair.sent) ++tally_.mismatches;
    const auto latency = readAt - pair.since[pair.arrived++ % kMaxUnderWay];
    tally_.delivery.record(latency);
    tally_.completion.record(latency);
    ++tally_.deliveries;
    ++tally_.completed;
    ready_.push_back(number);
    if (acknowledge_) send_receipt(link, text, *seq);
  }

  void send_receipt(LinkIndex link, std::string_view text, std::uint64_t seq) {
    frame_.assign(R"({"type":"message.received","conversationId":")");
    frame_.append(find_text(text, "\"conversationId\""));
    frame_.append(R"(","seq":)").append(std::to_string(seq)).append("}");
    fleet_.send_text(link, frame_);
  }

  void on_sent(Pair& pair, std::string_view text) {
    if (pair.conversation.empty()) pair.conversation = find_text(text, "\"conversationId\"");
    const auto seq = find_number(text, "\"seq\"");
    if (!seq || (pair.firstSeq != 0 && *seq != pair.firstSeq + pair.acknowledged)) ++tally_.mismatches;
    ++pair.acknowledged;
    ++tally_.acknowledged;
  }

  Fleet& fleet_;
  LinkIndex first_;
  bool acknowledge_;
  std::string content_;
  std::string frame_;
  std::vector<Pair> pairs_;
  std::deque<std::uint32_t> ready_;
};

}  // namespace

int run_pairs(const Options& options) {
  Fleet fleet(options);
  const auto users = fresh_users("user", std::size_t{options.pairs} * 2);
  const auto first = fleet.open(users);
  PairsWorkload load(fleet, first, users, options);
  for (std::uint32_t i = 0; i < options.pairs; ++i) prime(fleet, load);
  return report(options, measure(fleet, load, options));
}

}  // namespace chatcore::bench
