#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "chatcore/result.hpp"
#include "protocol/commands.hpp"
#include "protocol/request_id.hpp"

namespace chatcore::protocol {

/// What a client's frame may hold at most.
struct Limits {
  std::size_t contentBytes = 16 * 1024;  ///< of a message's `content`, as written
  std::size_t frameBytes = 64 * 1024;    ///< at most kMaxFrameBytes; a higher figure counts as that
  /// Of messages of one type, by MessageType; 0: `contentBytes`.
  std::array<std::uint32_t, kMessageTypes> contentBytesOf = {};

  [[nodiscard]] std::size_t content_bytes(MessageType type) const noexcept {
    const std::size_t own = contentBytesOf[static_cast<std::size_t>(type)];
    return own != 0 ? own : contentBytes;
  }
  /// Of an edit, whose message nobody has looked at yet: what the type that may have most has.
  [[nodiscard]] std::size_t most_content_bytes() const noexcept;
};

/// What who goes beyond is told of `content`: "of type `text` is longer than 16384 bytes".
[[nodiscard]] std::string too_much_content(MessageType type, std::size_t limit);

inline constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024;
/// Containers inside containers, the frame's own object being the first.
inline constexpr std::size_t kMaxJsonDepth = 32;

struct DecodeResult {
  RequestId id;                  ///< also beside an error, wherever the frame gave a usable one
  std::string_view clientMsgId;  ///< likewise; empty: none. Dies with the decoder's next `decode`.
  Result<Command> command;
};

/// Turns frames into commands. Accepts I-JSON only: strict UTF-8, no lone surrogates, numbers within double
/// range, no duplicate keys at any depth, no escapes in the envelope's keys. One per shard; not thread safe.
/// O(frame) time; memory is held for the largest frame seen, at most a small multiple of `frameBytes`.
class Decoder {
 public:
  explicit Decoder(Limits limits = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// Never throws on any bytes. `frame` need not outlive the call; views in the result point into the decoder
  /// and are valid until the next call.
  [[nodiscard]] DecodeResult decode(std::string_view frame);

  [[nodiscard]] const Limits& limits() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The command's `type` on the wire, for logs and metrics.
[[nodiscard]] std::string_view type_name(const Command& command) noexcept;

}  // namespace chatcore::protocol
