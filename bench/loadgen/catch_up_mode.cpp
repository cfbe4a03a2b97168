#include <stdexcept>
#include <string>

#include "fleet.hpp"
#include "frame_scan.hpp"
#include "modes.hpp"
#include "report.hpp"
#include "server_process.hpp"
#include "setup.hpp"

namespace chatcore::bench {
namespace {

constexpr std::uint64_t kUnderWay = 256;
constexpr std::int64_t kPatience = 60'000'000'000;

/// Sends `count` messages to somebody who is not there.
std::string fill(Fleet& fleet, LinkIndex sender, const std::string& receiver, const Options& options) {
  std::string conversation;
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  const auto deadline = now_nanoseconds() + kPatience;
  while (acknowledged < options.events) {
    for (; sent < options.events && sent - acknowledged < kUnderWay; ++sent) {
      std::string frame = R"({"type":"message.send","to":")" + receiver + R"(","clientMsgId":")";
      append_uuid4(frame);
      frame.append(R"(","content":")").append(options.payloadBytes, 'x').append("\"}");
      fleet.send_text(sender, frame);
    }
    fleet.turn(100'000'000, [&](LinkIndex, std::string_view text) {
      if (is_type(text, "error")) throw std::runtime_error(std::string(text));
      if (!is_type(text, "message.sent")) return;
      conversation = find_text(text, "\"conversationId\"");
      ++acknowledged;
    });
    if (now_nanoseconds() > deadline) throw std::runtime_error("messages were not acknowledged in time");
  }
  return conversation;
}

/// Reads pages until there are no more, and checks that every event comes once and in order.
class CatchUp {
 public:
  CatchUp(Fleet& fleet, LinkIndex device, const Options& options)
      : fleet_(fleet), device_(device), options_(options) {}

  void run(const std::string& conversation) {
    last_ = 0;
    done_ = false;
    ask(R"("watermarks":{")" + conversation + "\":0}");
    const auto deadline = now_nanoseconds() + kPatience;
    while (!done_) {
      fleet_.turn(100'000'000, [this](LinkIndex link, std::string_view text) {
        if (link == device_) take(text);
      });
      if (now_nanoseconds() > deadline) throw std::runtime_error("the pages did not come in time");
    }
    if (last_ != options_.events) throw std::runtime_error("events are missing: " + std::to_string(last_));
  }
  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }

 private:
  void ask(const std::string& from) {
    fleet_.send_text(
        device_, R"({"type":"sync",)" + from + R"(,"limit":)" + std::to_string(options_.pageEvents) + "}");
  }

  void take(std::string_view page) {
    if (!is_type(page, "sync.page")) throw std::runtime_error(std::string(page.substr(0, 300)));
    ++pages_;
    constexpr std::string_view kSeq = "\"seq\":";
    for (auto at = page.find(kSeq); at != std::string_view::npos; at = page.find(kSeq, at + kSeq.size())) {
      if (find_number(page.substr(at), "\"seq\"") != ++last_)
        throw std::runtime_error("an event came twice or out of order");
    }
    const auto tail = page.substr(page.rfind("\"token\""));
    done_ = tail.find(R"("more":true)") == std::string_view::npos;
    if (!done_) ask(R"("since":")" + std::string(find_text(tail, "\"token\"")) + '"');
  }

  Fleet& fleet_;
  LinkIndex device_;
  const Options& options_;
  std::uint64_t last_ = 0;
  std::uint64_t pages_ = 0;
  bool done_ = false;
};

}  // namespace

int run_catch_up(const Options& options) {
  Fleet fleet(options);
  const auto users = fresh_users("user", 2);
  const auto sender = fleet.open({users[0]});
  const auto conversation = fill(fleet, sender, users[1], options);

  const auto residentBefore = resident_bytes(options.serverPid);
  const auto cpuBefore = cpu_nanoseconds(options.serverPid);
  const auto start = now_nanoseconds();
  const auto device = fleet.open({users[1]});
  CatchUp catchUp(fleet, device, options);
  catchUp.run(conversation);
  const auto first = now_nanoseconds() - start;
  const auto cpuOfFirst = cpu_nanoseconds(options.serverPid) - cpuBefore;
  std::uint64_t rounds = 1;
  for (; now_nanoseconds() - start < static_cast<std::int64_t>(options.seconds * 1e9); ++rounds)
    catchUp.run(conversation);

  const auto cpu = static_cast<double>(cpu_nanoseconds(options.serverPid) - cpuBefore);
  const auto events = static_cast<double>(options.events) * static_cast<double>(rounds);
  const auto grown =
      static_cast<double>(resident_bytes(options.serverPid)) - static_cast<double>(residentBefore);
  print_figures(options, {{"events", events},
                          {"rounds", static_cast<double>(rounds)},
                          {"pages", static_cast<double>(catchUp.pages())},
                          {"firstMs", static_cast<double>(first) / 1e6},
                          {"firstCpuNsPerEvent", static_cast<double>(cpuOfFirst) / options.events},
                          {"serverCpuNsPerEvent", cpu / events},
                          {"eventsPerCpuSecond", cpu > 0 ? events / cpu * 1e9 : 0},
                          {"residentGrowthBytes", grown}});
  return 0;
}

}  // namespace chatcore::bench
