#pragma once

#include <string>

#include "chatcore/result.hpp"
#include "chatcore/rocksdb/store.hpp"
#include "chatcore/server/server.hpp"

namespace chat_server {

struct Flags {
  chatcore::ServerOptions server;
  std::string data;
  chatcore::Durability durability = chatcore::Durability::sync;
  std::size_t cacheBytes = 128U << 20;
  std::uint32_t gateways = 0;  ///< 0: one server is everything
  bool devAuth = false;
  std::string jwtSecretFile;
  std::string jwtPublicKeyFile;
  bool help = false;
};

extern const char* const kUsage;

/// `invalid_argument` names the flag and what is wrong with it.
[[nodiscard]] chatcore::Result<Flags> parse_flags(int argc, char** argv);

}  // namespace chat_server
