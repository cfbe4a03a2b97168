#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace chatcore::bench {

/// A socket loop that knows just enough WebSocket for loadgen: one thread, one epoll set, one recv for each
/// readable socket, no timers, no checks. Not a server to expose to anybody.
class MiniServer {
 public:
  MiniServer();
  virtual ~MiniServer() = default;
  MiniServer(const MiniServer&) = delete;
  MiniServer& operator=(const MiniServer&) = delete;

  /// Prints where it listens, then serves until killed.
  [[noreturn]] void run();

 protected:
  /// A whole text frame, unmasked; valid during the call.
  virtual void on_text(int fd, std::string_view json) = 0;
  /// After all frames of one recv.
  virtual void on_read_end(int) {}
  /// After all sockets that one epoll_wait named.
  virtual void on_turn_end() {}
  virtual void on_close(int) {}

  /// Sends everything, waiting where the socket is full.
  static void send_all(int fd, std::string_view bytes);
  [[nodiscard]] const std::vector<int>& open_sockets() const noexcept { return open_; }
  [[nodiscard]] int socket_of(std::string_view user) const;

 private:
  struct Client {
    bool upgraded = false;
    std::string unread;
    std::string user;
    std::size_t place = 0;  // in open_
  };

  void accept_all();
  void read(int fd);
  void drop(int fd);
  std::size_t upgrade(int fd, std::string_view bytes);
  std::size_t take_frames(int fd, char* bytes, std::size_t size);

  int listener_ = -1;
  int epoll_ = -1;
  std::vector<Client> clients_;  // by descriptor
  std::vector<int> open_;
  std::unordered_map<std::string, int> users_;
  std::vector<char> buffer_;
};

/// Appends an unmasked text frame.
void append_server_frame(std::string& out, std::string_view payload);

/// The text value of a key, by search: loadgen writes its keys before the content.
[[nodiscard]] std::string_view text_of(std::string_view json, std::string_view quotedKey);

/// The payload of a message.new as chatcore's server writes it, so that both send the same number of bytes.
void append_message_new(std::string& out, std::string_view conversation, std::uint64_t seq,
                        std::string_view json);
/// The same for message.sent.
void append_message_sent(std::string& out, std::string_view conversation, std::uint64_t seq,
                         std::string_view json);

}  // namespace chatcore::bench
