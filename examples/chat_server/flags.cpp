#include "flags.hpp"

#include <charconv>
#include <map>
#include <string_view>

namespace chat_server {

namespace {

using chatcore::Error;
using chatcore::ErrorCode;
using chatcore::Result;

Error wrong(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Result<std::uint64_t> number(std::string_view flag, std::string_view text, std::uint64_t low,
                             std::uint64_t high) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return wrong(std::string(flag) + ": '" + std::string(text) + "' is not a number from " +
                 std::to_string(low) + " to " + std::to_string(high));
  return value;
}

/// `N`, or `TYPE=N`.
chatcore::Status take_content_bytes(chatcore::EngineOptions& engine, std::string_view value) {
  constexpr std::string_view kFlag = "--content-bytes";
  const std::size_t equals = value.find('=');
  const std::string_view bytes = equals == std::string_view::npos ? value : value.substr(equals + 1);
  // A frame holds some more than its content.
  Result<std::uint64_t> parsed = number(kFlag, bytes, 1, engine.frameBytes - 1024);
  if (!parsed) return parsed.error();
  const auto limit = static_cast<std::uint32_t>(*parsed);
  if (equals == std::string_view::npos) return engine.contentBytes = limit, chatcore::Status{};
  for (std::size_t type = 0; type < chatcore::kMessageTypes; ++type) {
    if (value.substr(0, equals) != to_string(static_cast<chatcore::MessageType>(type))) continue;
    return engine.contentBytesOf[type] = limit, chatcore::Status{};
  }
  return wrong("--content-bytes: there is no message type '" + std::string(value.substr(0, equals)) + "'");
}

/// One flag with a value; nothing on success.
chatcore::Status apply(Flags& flags, std::string_view flag, const std::string& value) {
  const auto take = [&](std::uint64_t low, std::uint64_t high, auto use) -> chatcore::Status {
    Result<std::uint64_t> parsed = number(flag, value, low, high);
    if (!parsed) return parsed.error();
    use(*parsed);
    return {};
  };
  constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;
  constexpr std::uint64_t kDecade = 3653 * kDay;
  if (flag == "--listen") {
    const std::size_t colon = value.rfind(':');
    if (colon == std::string::npos || colon == 0 || !number(flag, value.substr(colon + 1), 0, 65'535))
      return wrong("--listen: '" + value + "' is not ADDRESS:PORT");
    return flags.server.listen = value, chatcore::Status{};
  }
  if (flag == "--data") return flags.data = value, chatcore::Status{};
  if (flag == "--jwt-secret-file") return flags.jwtSecretFile = value, chatcore::Status{};
  if (flag == "--jwt-public-key-file") return flags.jwtPublicKeyFile = value, chatcore::Status{};
  if (flag == "--durability") {
    static const std::map<std::string, chatcore::Durability> kModes{{"sync", chatcore::Durability::sync},
                                                                    {"os", chatcore::Durability::os},
                                                                    {"memory", chatcore::Durability::memory}};
    const auto mode = kModes.find(value);
    if (mode == kModes.end()) return wrong("--durability: '" + value + "' is not sync, os or memory");
    flags.durability = mode->second;
    return {};
  }
  if (flag == "--shards")
    return take(1, 64, [&](std::uint64_t n) { flags.server.shards = static_cast<std::uint32_t>(n); });
  if (flag == "--gateways")
    return take(0, 16, [&](std::uint64_t n) { flags.gateways = static_cast<std::uint32_t>(n); });
  if (flag == "--presence-ttl-ms")
    return take(100, kDay, [&](std::uint64_t ms) {
      flags.server.engine.presenceTtl = flags.server.gateway.idleTimeout = std::chrono::milliseconds(ms);
      flags.server.engine.heartbeat = flags.server.gateway.heartbeat = std::chrono::milliseconds(ms / 2);
    });
  if (flag == "--presence-debounce-ms")
    return take(0, kDay, [&](std::uint64_t ms) {
      flags.server.engine.presenceDebounce = std::chrono::milliseconds(ms);
    });
  if (flag == "--edit-window-ms")
    return take(0, kDecade,
                [&](std::uint64_t ms) { flags.server.engine.editWindow = std::chrono::milliseconds(ms); });
  if (flag == "--delete-window-ms")
    return take(0, kDecade,
                [&](std::uint64_t ms) { flags.server.engine.deleteWindow = std::chrono::milliseconds(ms); });
  if (flag == "--cache-megabytes")
    return take(1, 1U << 20, [&](std::uint64_t megabytes) { flags.cacheBytes = megabytes << 20; });
  if (flag == "--content-bytes") return take_content_bytes(flags.server.engine, value);
  if (flag == "--message-timeout-ms")
    return take(100, kDay, [&](std::uint64_t ms) {
      flags.server.gateway.messageTimeout = std::chrono::milliseconds(ms);
    });
  if (flag == "--origin") {
    if (value.find("://") == std::string::npos)
      return wrong("--origin: '" + value + "' is not like https://chat.example.com");
    return flags.server.gateway.allowedOrigins.push_back(value), chatcore::Status{};
  }
  if (flag == "--max-connections")
    return take(1, 100'000'000, [&](std::uint64_t n) {
      flags.server.gateway.maxConnections = static_cast<std::uint32_t>(n);
    });
  if (flag == "--max-connections-per-address")
    return take(1, 100'000'000, [&](std::uint64_t n) {
      flags.server.gateway.maxConnectionsPerAddress = static_cast<std::uint32_t>(n);
    });
  if (flag == "--max-devices-per-user")
    return take(1, 32, [&](std::uint64_t n) {
      flags.server.engine.maxDevicesPerUser = static_cast<std::uint32_t>(n);
    });
  if (flag == "--device-inactivity-days")
    return take(0, 3'650, [&](std::uint64_t n) {
      flags.server.engine.deviceInactivityDays = static_cast<std::uint32_t>(n);
    });
  if (flag == "--device-overflow") {
    if (value != "evict" && value != "refuse")
      return wrong("--device-overflow: '" + value + "' is not evict or refuse");
    flags.server.engine.deviceOverflow = value == "refuse" ? chatcore::DeviceOverflow::refuse
                                                           : chatcore::DeviceOverflow::evict_oldest_companion;
    return {};
  }
  if (flag == "--device-roles") {
    if (value != "equal" && value != "primary")
      return wrong("--device-roles: '" + value + "' is not equal or primary");
    flags.server.engine.deviceRoles =
        value == "primary" ? chatcore::DeviceRoles::primary_and_companions : chatcore::DeviceRoles::all_equal;
    return {};
  }
  if (flag == "--rate-limit") {
    auto& limits = flags.server.engine.rateLimits;
    if (value == "off") return limits = chatcore::RateLimitOptions::off(), chatcore::Status{};
    return take(1, 1'000'000, [&](std::uint64_t n) {
      const auto rate = static_cast<std::uint32_t>(n);
      limits.events.device = {rate, 2 * rate};
      limits.events.user = {4 * rate, 8 * rate};
    });
  }
  return wrong("unknown flag '" + std::string(flag) + "'");
}

}  // namespace

const char* const kUsage =
    "usage: chat_server --listen ADDRESS:PORT --data DIR\n"
    "                   (--dev-auth | --jwt-secret-file FILE | --jwt-public-key-file FILE)\n"
    "                   [--durability sync|os|memory] [--shards N] [--gateways N]\n"
    "                   [--presence-ttl-ms N] [--presence-debounce-ms N] [--rate-limit N|off]\n"
    "                   [--origin ORIGIN]... [--max-connections N] [--max-connections-per-address N]\n"
    "                   [--max-devices-per-user N] [--message-timeout-ms N]\n"
    "                   [--device-overflow evict|refuse] [--device-roles equal|primary]\n"
    "                   [--device-inactivity-days N] [--edit-window-ms N] [--delete-window-ms N]\n"
    "                   [--content-bytes N|TYPE=N]... [--cache-megabytes N]\n"
    "\n"
    "  --listen ADDRESS:PORT    where to serve; port 0 picks a free one (default 127.0.0.1:8080)\n"
    "  --data DIR               where the conversations are kept; made if absent\n"
    "  --dev-auth               anybody is whoever ?user= and ?device= say; loopback addresses only\n"
    "  --jwt-secret-file FILE   HS256 secret of at least 32 bytes\n"
    "  --jwt-public-key-file FILE   Ed25519 public key (PEM, base64 or raw)\n"
    "  --durability MODE        sync: acks mean on disk (default); os: survive a crash of the process;\n"
    "                           memory: survive nothing\n"
    "  --shards N               serving threads, 1 to 64 (default: one per core)\n"
    "  --gateways N             so many servers for connections, and one for all else, with a broker "
    "between\n"
    "                           them, in this process: to see what a fleet does (default 0: one server)\n"
    "  --presence-ttl-ms N      silence after which a device counts as gone (default 60000)\n"
    "  --presence-debounce-ms N how long a user stays online after that (default 30000)\n"
    "  --rate-limit N|off       events a second and device (default 50), four times as many per user; off:\n"
    "                           no limit on anything\n"
    "  --origin ORIGIN          a web page's origin that may connect; more than once for several (default:\n"
    "                           any; programs that send no Origin always may)\n"
    "  --max-connections N      open connections (default 1000000)\n"
    "  --max-connections-per-address N   of these, from one remote address (default: no limit)\n"
    "  --max-devices-per-user N connected or not, 1 to 32 (default 10)\n"
    "  --device-overflow POLICY evict: one more removes the longest inactive (default); refuse: it is "
    "closed\n"
    "  --device-roles ROLES     equal (default); primary: the first one stays, and takes the others with it\n"
    "  --device-inactivity-days N   unused for so long a device is removed; 0: never (default 30)\n"
    "  --message-timeout-ms N   from a message's first byte to its last (default 60000)\n"
    "  --edit-window-ms N       how long a message may be edited; 0: for ever (default 900000)\n"
    "  --delete-window-ms N     how long its author may delete it for everyone (default 172800000)\n"
    "  --content-bytes N        of a message's content (default 16384); image=N and so on: of one of this "
    "type\n"
    "  --cache-megabytes N      of what was read from the disk (default 128); the system keeps more\n"
    "\n"
    "  SIGTERM and SIGINT end it; SIGUSR1 writes its counts to stderr\n";

Result<Flags> parse_flags(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--help" || flag == "-h") return flags.help = true, flags;
    if (flag == "--dev-auth") {
      flags.devAuth = true;
      continue;
    }
    if (!flag.starts_with("--")) return wrong("unexpected '" + flag + "'");
    if (i + 1 == argc) return wrong(flag + ": its value is missing, or there is no such flag");
    if (chatcore::Status applied = apply(flags, flag, argv[++i]); !applied) return applied.error();
  }
  if (flags.data.empty()) return wrong("--data is missing");
  const int ways = (flags.devAuth ? 1 : 0) + (flags.jwtSecretFile.empty() ? 0 : 1) +
                   (flags.jwtPublicKeyFile.empty() ? 0 : 1);
  if (ways != 1)
    return wrong("exactly one of --dev-auth, --jwt-secret-file and --jwt-public-key-file is needed");
  return flags;
}

}  // namespace chat_server
