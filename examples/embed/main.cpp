#include <chatcore/rocksdb/store.hpp>
#include <chatcore/server/dev_authenticator.hpp>
#include <chatcore/server/server.hpp>
#include <iostream>

struct NoShouting : chatcore::Hooks {
  Decision before_persist(const Draft& draft) override {
    if (draft.content.find("HELLO") == std::string_view::npos) return {};
    return {Verdict::reject, {}, {chatcore::ErrorCode::forbidden, "please do not shout", {}}};
  }
};

int main(int argc, char** argv) {
  chatcore::RocksdbOptions storage;
  storage.path = argc > 1 ? argv[1] : "chat-data";
  auto store = chatcore::RocksdbStore::open(storage);
  if (!store) return std::cerr << store.error().message << '\n', 1;

  chatcore::DevAuthenticator believesAnyName;  // yours goes here
  NoShouting hooks;

  chatcore::ServerPorts ports;
  ports.store = &(*store)->log_store();
  ports.directory = &(*store)->directory();
  ports.authenticator = &believesAnyName;
  ports.hooks = &hooks;
  ports.term = (*store)->boot();

  auto server = chatcore::Server::start({.listen = "127.0.0.1:0"}, std::move(ports));
  if (!server) return std::cerr << server.error().message << '\n', 1;
  std::cout << "listening on ws://127.0.0.1:" << (*server)->port() << "/v1/ws" << std::endl;
  (*server)->run_until_signal();
}
