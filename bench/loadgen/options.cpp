#include "options.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string_view>

namespace chatcore::bench {
namespace {

constexpr const char* kUsage =
    R"(loadgen group|pairs|idle|peer|catchup|members|joins --url ws://127.0.0.1:PORT/v1/ws [flags]

  --server-pid N       report the server's CPU (and memory, in idle) from /proc/N
  --receivers N        group, peer: receiving devices; members, joins: members of the group (1000)
  --wire NAME          peer: redis, nats, mqtt or broadcast
  --groups N           group: groups with the same members, sent to in turn; idle: groups of each connection, 0: none (1)
  --stalled N          group: further members that are connected and never read (0)
  --pairs N            pairs: senders, each with a receiver of its own (1000)
  --ack                pairs: the receiver answers every message with message.received
  --connections N      idle: connections to open and hold (1000)
  --group-size N       idle: members of a group (500)
  --users NAME         idle: what the users are called, so that another run has the same ones (new ones)
  --heartbeat S        idle: seconds between two pings of one connection (30)
  --in-flight N        messages under way in a closed loop (1)
  --rate R             messages a second in an open loop, latency counted from the time each was due
  --events N           catchup: messages that the device missed (10000)
  --page N             catchup: events of a page (200)
  --megabytes N        group: go on until so much content went past every receiver, whatever --seconds says
  --payload N          bytes of content (128)
  --warmup S --seconds S   (0.2 and 1)
  --sources N          local addresses to connect from (4)
  --json               one JSON object instead of text
)";

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "loadgen: %s\n\n%s", why.c_str(), kUsage);
  std::exit(2);
}

double number(std::string_view flag, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || value < 0)
    fail(std::string(flag) + " wants a number, not '" + text + "'");
  return value;
}

void parse_url(const std::string& url, Options& options) {
  constexpr std::string_view kScheme = "ws://";
  const auto colon = url.find(':', kScheme.size());
  if (!url.starts_with(kScheme) || colon == std::string::npos) fail("--url wants ws://ADDRESS:PORT/…");
  options.host = url.substr(kScheme.size(), colon - kScheme.size());
  options.port = static_cast<std::uint16_t>(std::atoi(url.c_str() + colon + 1));
}

using Setter = std::function<void(const std::string&)>;

std::map<std::string, Setter, std::less<>> setters(Options& o) {
  std::map<std::string, Setter, std::less<>> all;
  const auto count = [&](const char* name, std::uint32_t& field) {
    all[name] = [name, &field](const std::string& v) { field = static_cast<std::uint32_t>(number(name, v)); };
  };
  const auto real = [&](const char* name, double& field) {
    all[name] = [name, &field](const std::string& v) { field = number(name, v); };
  };
  all["--url"] = [&o](const std::string& v) { parse_url(v, o); };
  all["--server-pid"] = [&o](const std::string& v) {
    o.serverPid = static_cast<int>(number("--server-pid", v));
  };
  count("--receivers", o.receivers);
  count("--groups", o.groups);
  count("--stalled", o.stalled);
  count("--pairs", o.pairs);
  count("--connections", o.connections);
  count("--group-size", o.groupSize);
  count("--in-flight", o.inFlight);
  count("--payload", o.payloadBytes);
  count("--events", o.events);
  count("--page", o.pageEvents);
  real("--megabytes", o.megabytes);
  all["--users"] = [&o](const std::string& v) { o.users = v; };
  all["--wire"] = [&o](const std::string& v) { o.wire = v; };
  count("--sources", o.sources);
  real("--heartbeat", o.heartbeatSeconds);
  real("--rate", o.rate);
  real("--warmup", o.warmupSeconds);
  real("--seconds", o.seconds);
  return all;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  if (argc < 2) fail("no mode given");
  options.mode = argv[1];
  const auto known = setters(options);
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--json") {
      options.json = true;
    } else if (flag == "--ack") {
      options.acknowledge = true;
    } else if (const auto setter = known.find(flag); setter != known.end() && i + 1 < argc) {
      setter->second(argv[++i]);
    } else {
      fail("unknown flag or missing value: " + std::string(flag));
    }
  }
  if (options.port == 0) fail("--url is needed");
  if (options.sources == 0 || options.sources > 250) fail("--sources wants 1 to 250");
  if (options.inFlight == 0) fail("--in-flight wants at least 1");
  if (options.groups == 0 && options.mode != "idle") fail("--groups wants at least 1");
  if (options.receivers == 0 || options.pairs == 0) fail("--receivers and --pairs want at least 1");
  if (options.groupSize == 0 || options.groupSize > 499) options.groupSize = 499;
  return options;
}

}  // namespace chatcore::bench
