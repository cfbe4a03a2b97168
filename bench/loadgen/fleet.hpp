#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "wire.hpp"

namespace chatcore::bench {

using LinkIndex = std::uint32_t;
/// Gets every message after the welcome. The text is valid during the call only.
using TextHandler = std::function<void(LinkIndex, std::string_view text)>;

struct FleetCounters {
  std::uint64_t reads = 0;   ///< recv calls that returned bytes
  std::uint64_t frames = 0;  ///< messages in them
};

/// Many connections on one epoll set and one thread. Errors of any of them (a close, an EOF, a
/// refused handshake) throw: a load run with a lost connection measures something else.
class Fleet {
 public:
  explicit Fleet(const Options& options);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Opens one connection for each user and waits until all are welcomed. Returns the index of the first; the
  /// others follow it.
  LinkIndex open(const std::vector<std::string>& users);

  /// Queues a message; what piled up goes out in one write at the end of the turn.
  void send_text(LinkIndex link, std::string_view text);
  void send_ping(LinkIndex link);  ///< of WebSocket

  /// One turn: writes what is queued, waits up to that long, reads every readable connection once.
  void turn(std::int64_t timeoutNanoseconds, const TextHandler& onText);
  void flush();

  /// Does not read from this connection until `resume`; the server may close it meanwhile.
  void stall(LinkIndex link);
  void resume(LinkIndex link);
  /// The code that the server closed a stalled connection with; 0: it has not.
  [[nodiscard]] std::uint16_t close_code(LinkIndex link) const noexcept { return links_[link].closeCode; }

  [[nodiscard]] const FleetCounters& counters() const noexcept { return counters_; }
  /// When the bytes that onText is being shown were read.
  [[nodiscard]] std::int64_t read_time() const noexcept { return readTime_; }

 private:
  struct Link {
    int fd = -1;
    Stage stage = Stage::fresh;
    bool dirty = false;
    bool awaitsWritable = false;
    bool mayClose = false;
    std::uint16_t closeCode = 0;
    std::string unread;  // the beginning of a frame whose rest has not come
    std::string unsent;
  };

  void connect(const std::string& user);
  void read(LinkIndex index, const TextHandler& onText);
  std::size_t take_units(LinkIndex index, std::string_view bytes, const TextHandler& onText);
  void take_close(LinkIndex index, const Unit& unit);
  void watch(LinkIndex index, int operation);
  void mark_dirty(LinkIndex index);
  void write(LinkIndex index);

  const Options& options_;
  std::unique_ptr<Wire> wire_;
  int epoll_ = -1;
  std::vector<Link> links_;
  std::vector<LinkIndex> dirty_;
  std::vector<char> buffer_;
  std::size_t welcomed_ = 0;
  std::int64_t readTime_ = 0;
  FleetCounters counters_;
};

}  // namespace chatcore::bench
