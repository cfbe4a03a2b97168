#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace chatcore::bench {

/// How far a connection has come; `ready` once it may send and gets what is sent.
enum class Stage : std::uint8_t { fresh, greeting, ready };

/// The first whole thing at the front of what was read. `size` 0: it is not whole yet.
struct Unit {
  enum class Kind : std::uint8_t { other, text, close };
  std::size_t size = 0;
  Kind kind = Kind::other;
  std::uint16_t closeCode = 0;
  std::string_view payload{};
};

/// The protocol of the server under load: chatcore's, or that of one it is compared with. Stateless; throws
/// what the server refuses.
class Wire {
 public:
  virtual ~Wire() = default;

  /// What a fresh connection sends first. Users named `sender…` only send, all others take everything.
  virtual void greet(std::string& out, std::string_view user) const = 0;
  /// Takes the front apart; what has to be said in return is appended to `answer`.
  [[nodiscard]] virtual Unit front(std::string_view bytes, Stage& stage, std::string& answer) const = 0;
  virtual void append_message(std::string& out, std::string_view payload) const = 0;
  /// Whether the server answers the sender, with a text, for each message.
  [[nodiscard]] virtual bool acknowledges() const { return false; }
};

/// `chatcore`, or of a peer: `redis`, `nats`, `mqtt`, `broadcast` (WebSocket, every text to everybody else).
[[nodiscard]] std::unique_ptr<Wire> make_wire(std::string_view name, const std::string& host);

[[nodiscard]] std::unique_ptr<Wire> make_websocket_wire(const std::string& host, bool awaitsWelcome);
[[nodiscard]] std::unique_ptr<Wire> make_redis_wire();
[[nodiscard]] std::unique_ptr<Wire> make_nats_wire();
[[nodiscard]] std::unique_ptr<Wire> make_mqtt_wire();

}  // namespace chatcore::bench
