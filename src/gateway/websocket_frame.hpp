#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace chatcore::gateway {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// Close codes of RFC 6455 that this layer gives; the application's are its own.
namespace close_code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNoneGiven = 1005;  ///< never on the wire: a close frame without a code
inline constexpr std::uint16_t kInvalidText = 1007;
inline constexpr std::uint16_t kTooLarge = 1009;
}  // namespace close_code

enum class WebSocketRole : std::uint8_t {
  server,  ///< reads masked frames
  client,  ///< reads unmasked frames
};

struct WebSocketOptions {
  WebSocketRole role = WebSocketRole::server;
  std::uint32_t maxMessageBytes = 65536;  ///< of one message's payload, however it is fragmented
  bool validateText = true;               ///< off where whoever takes the text validates its UTF-8 anyway
  bool acceptBinary = true;               ///< off: a binary message fails with 1003
};

struct ParseStep {
  enum class Kind : std::uint8_t { need_more, text, binary, ping, pong, close, failure };

  Kind kind = Kind::need_more;
  /// close: the peer's code, or 1005 when it gave none. failure: the code to close with.
  std::uint16_t closeCode = 0;
  /// Bytes at the front of `unread` that are done with, whatever the kind. need_more consumes too when
  /// fragments were taken in; failure consumes everything.
  std::size_t consumed = 0;
  /// need_more: how many bytes, counted from the first unconsumed one, must be there before the next call can
  /// do more: the whole next frame once its length is known, its header until then. 0 once closed.
  std::size_t needed = 0;
  /// The message, the ping's or pong's payload, or the close reason. Points into `unread`, or for a message
  /// that came in fragments into the parser; valid until the next call or until the bytes are moved.
  std::string_view payload{};
};

/// Takes RFC 6455 frames apart, in place and strictly. Holds no bytes of an unfinished frame: those stay with
/// the caller, who gives them again with more behind them. Only a fragmented message is copied, into memory
/// that exists while one is under way. No extensions: reserved bits fail.
class WebSocketParser {
 public:
  explicit WebSocketParser(WebSocketOptions options = {}) noexcept;

  /// The next message or control frame in `unread`, whose bytes are unmasked in place. Call until need_more;
  /// each time drop `consumed` bytes from the front. After close or failure everything is discarded unread.
  /// Linear in the bytes consumed; an unfinished frame costs a look at its header.
  [[nodiscard]] ParseStep next(std::span<char> unread);

  /// Whether a close frame or a failure has ended the stream.
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  /// Whether fragments of a message have come and more are to follow.
  [[nodiscard]] bool mid_message() const noexcept { return fragmented_ != Opcode::continuation; }

 private:
  struct Header;

  [[nodiscard]] std::uint16_t read_header(std::span<const char> bytes, Header& header) const noexcept;
  [[nodiscard]] std::uint16_t check_first_byte(const Header& header, bool reserved) const noexcept;
  [[nodiscard]] std::uint16_t check_length(const Header& header, std::size_t lengthBytes) const noexcept;
  [[nodiscard]] ParseStep take(const Header& header, std::string_view payload);
  [[nodiscard]] ParseStep take_fragment(const Header& header, std::string_view payload);
  [[nodiscard]] ParseStep take_close(std::string_view payload) noexcept;
  [[nodiscard]] ParseStep fail(std::uint16_t code) noexcept;
  [[nodiscard]] bool fragments_are_utf8(bool whole) noexcept;

  std::unique_ptr<std::string> assembled_;  // the fragments so far, or the message last handed out
  std::uint32_t maxMessageBytes_;
  std::uint32_t validatedBytes_ = 0;          // of assembled_; the rest is an unfinished character
  Opcode fragmented_ = Opcode::continuation;  // the type of the message under way; continuation: none
  bool client_ : 1;
  bool validateText_ : 1;
  bool acceptBinary_ : 1;
  bool finished_ : 1 = false;
};

static_assert(sizeof(WebSocketParser) <= 32, "every idle connection carries one");

inline constexpr std::size_t kMaxFrameHeaderBytes = 14;
inline constexpr std::size_t kMaxServerFrameHeaderBytes = 10;
inline constexpr std::size_t kMaxControlPayloadBytes = 125;

/// Writes the header of an unmasked, unfragmented frame: at most kMaxServerFrameHeaderBytes. Returns its
/// size.
std::size_t write_frame_header(char* out, Opcode opcode, std::size_t payloadSize) noexcept;

/// Appends a whole unmasked frame, as a server sends it.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

/// Appends a whole masked frame, as a client sends it. `maskKey` goes out most significant byte first.
void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, std::uint32_t maskKey);

/// Appends the payload of a close frame. A reason that does not fit is cut between two characters.
void append_close_payload(std::string& out, std::uint16_t code, std::string_view reason);

/// Whether a peer may send this code in a close frame (RFC 6455, 7.4, and the IANA registry).
[[nodiscard]] bool is_sendable_close_code(std::uint16_t code) noexcept;

}  // namespace chatcore::gateway
