#pragma once

#include <cstdint>
#include <string>

namespace chatcore::bench {

/// What the command line asks for. Every count is bounded where it is used, by descriptors if nothing else.
struct Options {
  std::string mode;  ///< one of modes.hpp
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string wire = "chatcore";  ///< peer: the protocol to speak
  int serverPid = 0;              ///< 0: no CPU and memory figures of the server

  std::uint32_t receivers = 1000;    ///< group, peer; members, joins: of the group
  std::uint32_t pairs = 1000;        ///< pairs
  std::uint32_t connections = 1000;  ///< idle
  std::uint32_t groups = 1;          ///< group: with the same members; idle: per connection
  std::uint32_t groupSize = 500;     ///< idle
  std::uint32_t stalled = 0;         ///< group: receivers, among the others, that never read
  std::uint32_t inFlight = 1;        ///< closed loop: messages of the whole run that are under way
  double rate = 0;                   ///< messages a second; above 0: open loop
  std::uint32_t payloadBytes = 128;
  std::uint32_t events = 10'000;   ///< catchup: missed by the device
  std::uint32_t pageEvents = 200;  ///< catchup: asked for in a page
  double megabytes = 0;            ///< above 0: the window ends when so much content has gone past a receiver
  bool acknowledge = false;        ///< pairs: message.received for every message

  double warmupSeconds = 0.2;
  double seconds = 1;
  double heartbeatSeconds = 30;  ///< idle: a ping from every connection
  std::string users;             ///< idle: what users are called; empty: as nobody was before
  std::uint32_t sources = 4;     ///< addresses 127.0.0.2 … connected from in turn
  bool json = false;
};

/// Parses or exits with a usage text.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace chatcore::bench
