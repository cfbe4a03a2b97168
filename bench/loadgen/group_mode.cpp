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

constexpr std::int64_t kStallPatience = 3'000'000'000;

/// One sender, N receivers in each of G groups; sends to the groups in turn.
class GroupWorkload final : public Workload {
 public:
  GroupWorkload(Fleet& fleet, LinkIndex sender, LinkIndex firstReceiver, std::uint32_t receivers,
                const std::vector<std::string>& conversations, std::uint32_t payloadBytes)
      : fleet_(fleet),
        sender_(sender),
        firstReceiver_(firstReceiver),
        receivers_(receivers),
        content_(payloadBytes, 'x') {
    for (const auto& id : conversations) groups_.push_back(Group(id, receivers));
  }

  bool launch(std::int64_t since) override {
    auto& group = groups_[turn_];
    if (group.sent - group.complete == kMaxUnderWay) return false;
    if (++turn_ == groups_.size()) turn_ = 0;
    group.flights[group.sent++ % kMaxUnderWay] = {.since = since, .remaining = receivers_};
    frame_.assign(R"({"type":"message.send","conversationId":")").append(group.id);
    frame_.append(R"(","clientMsgId":")");
    append_uuid4(frame_);
    frame_.append(R"(","content":")").append(content_).append("\"}");
    fleet_.send_text(sender_, frame_);
    ++tally_.launched;
    return true;
  }

  void on_text(LinkIndex link, std::string_view text, std::int64_t readAt) override {
    if (is_type(text, "message.new")) return on_message(link, text, readAt);
    if (is_type(text, "message.sent")) {
      ++tally_.acknowledged;
    } else if (is_type(text, "error") || is_type(text, "sync.required")) {
      throw std::runtime_error(std::string(text));
    }
  }

 private:
  static constexpr std::uint64_t kMaxUnderWay = 4096;

  struct Flight {
    std::int64_t since = 0;
    std::uint32_t remaining = 0;
  };
  struct Group {
    Group(std::string conversation, std::uint32_t receivers)
        : id(std::move(conversation)), next(receivers), flights(kMaxUnderWay) {}
    std::string id;
    std::uint64_t sent = 0;
    std::uint64_t complete = 0;
    std::uint64_t firstSeq = 0;       // of our first message; 0 until it came
    std::vector<std::uint64_t> next;  // by receiver: which of our messages comes next, from 0
    std::vector<Flight> flights;
  };

  Group& group_of(std::string_view text) {
    if (groups_.size() == 1) return groups_[0];
    const auto id = find_text(text, "\"conversationId\"");
    for (auto& group : groups_) {
      if (group.id == id) return group;
    }
    throw std::runtime_error("a message of no group of ours: " + std::string(text));
  }

  void on_message(LinkIndex link, std::string_view text, std::int64_t readAt) {
    const auto seq = find_number(text, "\"seq\"");
    if (!seq || link < firstReceiver_) throw std::runtime_error("unexpected: " + std::string(text));
    auto& group = group_of(text);
    if (group.firstSeq == 0) group.firstSeq = *seq;
    const auto number = group.next[link - firstReceiver_]++;
    if (*seq != group.firstSeq + number || number >= group.sent) {
      ++tally_.mismatches;
      return;
    }
    auto& flight = group.flights[number % kMaxUnderWay];
    ++tally_.deliveries;
    tally_.delivery.record(readAt - flight.since);
    if (--flight.remaining != 0) return;
    tally_.completion.record(readAt - flight.since);
    ++group.complete;
    ++tally_.completed;
  }

  Fleet& fleet_;
  LinkIndex sender_;
  LinkIndex firstReceiver_;
  std::uint32_t receivers_;
  std::string content_;
  std::string frame_;
  std::vector<Group> groups_;
  std::size_t turn_ = 0;
};

/// What a reader that stood still finds when it reads on.
struct StallOutcome {
  std::uint64_t messages = 0;
  bool syncRequired = false;
};

/// Throws unless the server told it what it missed, or had closed it: 4001, or 1006 where the close frame
/// found no room behind what is unread.
StallOutcome outcome_of_stall(Fleet& fleet, LinkIndex link) {
  StallOutcome outcome;
  fleet.resume(link);
  const auto deadline = now_nanoseconds() + kStallPatience;
  while (!outcome.syncRequired && fleet.close_code(link) == 0) {
    fleet.turn(10'000'000, [&](LinkIndex from, std::string_view text) {
      if (from != link) return;
      if (is_type(text, "message.new")) ++outcome.messages;
      if (is_type(text, "sync.required")) outcome.syncRequired = true;
    });
    if (now_nanoseconds() > deadline)
      throw std::runtime_error("a stalled reader was never told what it missed");
  }
  const auto code = fleet.close_code(link);
  if (code != 0 && code != 4001 && code != 1006)
    throw std::runtime_error("a stalled reader was closed with " + std::to_string(code));
  return outcome;
}

}  // namespace

int run_group(const Options& options) {
  Fleet fleet(options);
  const auto sender = fleet.open(fresh_users("sender", 1));
  auto members = fresh_users("receiver", options.receivers + options.stalled);
  std::vector<std::string> conversations;
  for (std::uint32_t i = 0; i < options.groups; ++i)
    conversations.push_back(create_group(fleet, sender, members));

  const std::vector<std::string> stalled(members.begin() + options.receivers, members.end());
  members.resize(options.receivers);
  const auto first = fleet.open(members);
  const auto firstStalled = fleet.open(stalled);
  for (LinkIndex i = 0; i < options.stalled; ++i) fleet.stall(firstStalled + i);

  GroupWorkload load(fleet, sender, first, options.receivers, conversations, options.payloadBytes);
  for (std::uint32_t i = 0; i < options.groups; ++i) prime(fleet, load);
  const auto stalledSince = now_nanoseconds();
  const auto residentBefore = resident_bytes(options.serverPid);
  const auto measured = measure(fleet, load, options);
  const auto grown =
      static_cast<double>(resident_bytes(options.serverPid)) - static_cast<double>(residentBefore);
  Figures more = {{"residentGrowthBytes", grown}};
  if (options.stalled > 0)
    more.emplace_back("stalledSeconds", static_cast<double>(now_nanoseconds() - stalledSince) / 1e9);
  for (LinkIndex i = 0; i < options.stalled; ++i) {
    const auto told = outcome_of_stall(fleet, firstStalled + i);
    more.emplace_back("stalledGot", static_cast<double>(told.messages));
    more.emplace_back("stalledSyncRequired", told.syncRequired ? 1 : 0);
    more.emplace_back("stalledCloseCode", fleet.close_code(firstStalled + i));
  }
  return report(options, measured, more);
}

}  // namespace chatcore::bench
