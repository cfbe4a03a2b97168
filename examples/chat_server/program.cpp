#include "program.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "chatcore/jwt/authenticator.hpp"
#include "chatcore/memory/push.hpp"
#include "chatcore/memory/work_queue.hpp"
#include "chatcore/rocksdb/store.hpp"
#include "chatcore/server/dev_authenticator.hpp"
#include "flags.hpp"
#include "servers.hpp"
#include "spdlog_log.hpp"
#include "stats_signal.hpp"

namespace {

constexpr int kRuntimeError = 1;
constexpr int kUsageError = 2;

int fail(int code, std::string_view message) {
  std::fprintf(stderr, "chat_server: %.*s\n", static_cast<int>(message.size()), message.data());
  return code;
}

chatcore::Result<std::unique_ptr<chatcore::Authenticator>> make_authenticator(
    const chat_server::Flags& flags) {
  using Made = std::unique_ptr<chatcore::Authenticator>;
  if (flags.devAuth) return Made(std::make_unique<chatcore::DevAuthenticator>());
  const bool secret = !flags.jwtSecretFile.empty();
  chatcore::Result<std::string> text =
      chatcore::read_key_file(secret ? flags.jwtSecretFile : flags.jwtPublicKeyFile);
  if (!text) return text.error();
  chatcore::Result<chatcore::JwtKey> key =
      secret ? chatcore::JwtKey::hs256(*text) : chatcore::JwtKey::ed25519(*text);
  if (!key) return key.error();
  std::vector<chatcore::JwtKey> keys;
  keys.push_back(std::move(*key));
  auto made = chatcore::JwtAuthenticator::create(std::move(keys));
  if (!made) return made.error();
  return Made(std::move(*made));
}

}  // namespace

int chat_server::run(int argc, char** argv, const std::function<void(chatcore::ServerPorts&)>& between) {
  // A stop that comes before the server runs waits until it does; every thread inherits this.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  chatcore::Result<chat_server::Flags> flags = chat_server::parse_flags(argc, argv);
  if (!flags) {
    fail(kUsageError, flags.error().message);
    std::fputs(chat_server::kUsage, stderr);
    return kUsageError;
  }
  if (flags->help) return std::fputs(chat_server::kUsage, stdout), 0;
  auto authenticator = make_authenticator(*flags);
  if (!authenticator) return fail(kRuntimeError, authenticator.error().message);

  chat_server::SpdlogLog log;
  chatcore::RocksdbOptions storeOptions;
  storeOptions.path = flags->data;
  storeOptions.durability = flags->durability;
  storeOptions.blockCacheBytes = flags->cacheBytes;
  storeOptions.log = &log;
  auto store = chatcore::RocksdbStore::open(std::move(storeOptions));
  if (!store) return fail(kRuntimeError, flags->data + ": " + store.error().message);

  chatcore::MemoryWorkQueue workQueue;
  chatcore::LogPush push(log);

  chatcore::ServerPorts ports;
  ports.store = &(*store)->log_store();
  ports.directory = &(*store)->directory();
  ports.authenticator = authenticator->get();
  ports.workQueue = &workQueue;
  ports.push = &push;
  ports.log = &log;
  ports.term = (*store)->boot();
  ports.everySecond = [&] { workQueue.run_due(); };
  if (between) between(ports);
  auto servers = chat_server::Servers::start(flags->server, std::move(ports), flags->gateways);
  if (!servers) {
    const bool usage = servers.error().code == chatcore::ErrorCode::invalid_argument;
    return fail(usage ? kUsageError : kRuntimeError,
                (usage ? "--listen, --dev-auth: " : "") + servers.error().message);
  }
  const std::string host = flags->server.listen.substr(0, flags->server.listen.rfind(':'));
  std::printf("listening on ws://%s:%u/v1/ws\n", host.c_str(), (*servers)->port());
  std::fflush(stdout);
  const chat_server::StatsSignal stats((*servers)->engine());
  (*servers)->run_until_signal();
  return 0;
}
