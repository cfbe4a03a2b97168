#include "gateway/websocket_frame.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace chatcore::gateway {

struct WebSocketParser::Header {
  Opcode opcode = Opcode::continuation;
  bool final = false;
  std::size_t bytes = 2;           // of this header, as far as is known
  std::uint64_t payloadBytes = 0;  // set, and within the limits, once the length is there
};

namespace {

constexpr std::size_t kMaskBytes = 4;
constexpr unsigned kFinalBit = 0x80;
constexpr unsigned kReservedBits = 0x70;
constexpr unsigned kOpcodeBits = 0x0F;
constexpr unsigned kMaskBit = 0x80;
constexpr unsigned kLengthIn2Bytes = 126;
constexpr unsigned kLengthIn8Bytes = 127;

bool is_control(Opcode opcode) { return (static_cast<unsigned>(opcode) & 0x8) != 0; }

bool is_defined(Opcode opcode) {
  return opcode <= Opcode::binary || (opcode >= Opcode::close && opcode <= Opcode::pong);
}

bool is_utf8(std::string_view text) {
  return text.empty() || simdjson::validate_utf8(text.data(), text.size());
}

/// How many bytes at the end of `text` begin a character that more bytes may complete.
std::size_t unfinished_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF8 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

std::uint64_t read_big_endian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::size_t write_big_endian(char* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  return bytes;
}

/// Applies, or takes off, the mask whose four bytes stand at `mask`.
void apply_mask(std::span<char> data, const char* mask) {
  std::uint32_t key;
  std::memcpy(&key, mask, sizeof key);
  const std::uint64_t wideKey = static_cast<std::uint64_t>(key) << 32 | key;
  std::size_t at = 0;
  for (; at + sizeof wideKey <= data.size(); at += sizeof wideKey) {
    std::uint64_t word;
    std::memcpy(&word, data.data() + at, sizeof word);
    word ^= wideKey;
    std::memcpy(data.data() + at, &word, sizeof word);
  }
  for (; at < data.size(); ++at) data[at] = static_cast<char>(data[at] ^ mask[at % kMaskBytes]);
}

ParseStep::Kind message_kind(Opcode opcode) {
  return opcode == Opcode::text ? ParseStep::Kind::text : ParseStep::Kind::binary;
}

}  // namespace

WebSocketParser::WebSocketParser(WebSocketOptions options) noexcept
    : maxMessageBytes_(options.maxMessageBytes),
      client_(options.role == WebSocketRole::client),
      validateText_(options.validateText),
      acceptBinary_(options.acceptBinary) {}

ParseStep WebSocketParser::next(std::span<char> unread) {
  if (finished_) return {.consumed = unread.size()};
  if (assembled_ && fragmented_ == Opcode::continuation) assembled_.reset();

  std::size_t consumed = 0;
  for (;;) {
    const auto rest = unread.subspan(consumed);
    Header header;
    ParseStep step;
    if (const auto code = read_header(rest, header)) {
      step = fail(code);
    } else if (const auto frameBytes = header.bytes + header.payloadBytes; rest.size() < frameBytes) {
      return {.consumed = consumed, .needed = frameBytes};
    } else {
      const auto payload = rest.subspan(header.bytes, header.payloadBytes);
      if (!client_) apply_mask(payload, payload.data() - kMaskBytes);
      consumed += frameBytes;
      step = take(header, {payload.data(), payload.size()});
    }
    step.consumed = step.kind == ParseStep::Kind::failure ? unread.size() : consumed;
    if (step.kind != ParseStep::Kind::need_more) return step;
  }
}

/// Fills in what the bytes tell so far. Returns the close code of the first thing that is wrong, or 0.
std::uint16_t WebSocketParser::read_header(std::span<const char> bytes, Header& header) const noexcept {
  if (bytes.empty()) return 0;
  const auto first = static_cast<unsigned char>(bytes[0]);
  header.opcode = static_cast<Opcode>(first & kOpcodeBits);
  header.final = (first & kFinalBit) != 0;
  if (const auto code = check_first_byte(header, (first & kReservedBits) != 0)) return code;

  if (bytes.size() < 2) return 0;
  const auto second = static_cast<unsigned char>(bytes[1]);
  if (((second & kMaskBit) == 0) != client_) return close_code::kProtocolError;
  const unsigned shortLength = second & ~kMaskBit;
  if (is_control(header.opcode) && shortLength > kMaxControlPayloadBytes) return close_code::kProtocolError;
  const std::size_t lengthBytes = shortLength == kLengthIn8Bytes ? 8 : shortLength == kLengthIn2Bytes ? 2 : 0;
  header.bytes = 2 + lengthBytes + (client_ ? 0 : kMaskBytes);

  if (bytes.size() < 2 + lengthBytes) return 0;
  header.payloadBytes = lengthBytes == 0 ? shortLength : read_big_endian(bytes.subspan(2, lengthBytes));
  return check_length(header, lengthBytes);
}

std::uint16_t WebSocketParser::check_first_byte(const Header& header, bool reserved) const noexcept {
  if (reserved || !is_defined(header.opcode)) return close_code::kProtocolError;
  if (is_control(header.opcode)) return header.final ? 0 : close_code::kProtocolError;
  const bool continues = header.opcode == Opcode::continuation;
  const bool underWay = fragmented_ != Opcode::continuation;
  if (continues != underWay) return close_code::kProtocolError;
  return header.opcode == Opcode::binary && !acceptBinary_ ? close_code::kUnsupportedData : 0;
}

std::uint16_t WebSocketParser::check_length(const Header& header, std::size_t lengthBytes) const noexcept {
  const auto length = header.payloadBytes;
  if (lengthBytes == 2 && length < kLengthIn2Bytes) return close_code::kProtocolError;
  if (lengthBytes == 8 && (length <= 0xFFFF || length >> 63 != 0)) return close_code::kProtocolError;
  if (is_control(header.opcode)) return 0;
  const std::uint64_t before = header.opcode == Opcode::continuation ? assembled_->size() : 0;
  return length > maxMessageBytes_ - before ? close_code::kTooLarge : 0;
}

ParseStep WebSocketParser::take(const Header& header, std::string_view payload) {
  using Kind = ParseStep::Kind;
  if (header.opcode == Opcode::close) return take_close(payload);
  if (header.opcode == Opcode::ping) return {.kind = Kind::ping, .payload = payload};
  if (header.opcode == Opcode::pong) return {.kind = Kind::pong, .payload = payload};
  if (!header.final || header.opcode == Opcode::continuation) return take_fragment(header, payload);
  if (header.opcode == Opcode::text && validateText_ && !is_utf8(payload)) {
    return fail(close_code::kInvalidText);
  }
  return {.kind = message_kind(header.opcode), .payload = payload};
}

ParseStep WebSocketParser::take_fragment(const Header& header, std::string_view payload) {
  if (header.opcode != Opcode::continuation) {
    fragmented_ = header.opcode;
    validatedBytes_ = 0;
    assembled_ = std::make_unique<std::string>();
  }
  assembled_->append(payload);
  if (fragmented_ == Opcode::text && validateText_ && !fragments_are_utf8(header.final)) {
    return fail(close_code::kInvalidText);
  }
  if (!header.final) return {};
  return {.kind = message_kind(std::exchange(fragmented_, Opcode::continuation)), .payload = *assembled_};
}

/// Checks what came since the last call, so that all fragments together are looked at once.
bool WebSocketParser::fragments_are_utf8(bool whole) noexcept {
  auto fresh = std::string_view(*assembled_).substr(validatedBytes_);
  if (!whole) fresh.remove_suffix(unfinished_tail(fresh));
  validatedBytes_ += static_cast<std::uint32_t>(fresh.size());
  return is_utf8(fresh);
}

ParseStep WebSocketParser::take_close(std::string_view payload) noexcept {
  if (payload.empty()) {
    finished_ = true;
    return {.kind = ParseStep::Kind::close, .closeCode = close_code::kNoneGiven};
  }
  if (payload.size() == 1) return fail(close_code::kProtocolError);
  const auto code = static_cast<std::uint16_t>(read_big_endian(payload.substr(0, 2)));
  const auto reason = payload.substr(2);
  if (!is_sendable_close_code(code)) return fail(close_code::kProtocolError);
  if (!is_utf8(reason)) return fail(close_code::kInvalidText);
  finished_ = true;
  return {.kind = ParseStep::Kind::close, .closeCode = code, .payload = reason};
}

ParseStep WebSocketParser::fail(std::uint16_t code) noexcept {
  finished_ = true;
  assembled_.reset();
  return {.kind = ParseStep::Kind::failure, .closeCode = code};
}

bool is_sendable_close_code(std::uint16_t code) noexcept {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

namespace {

/// Writes a header up to the mask: `maskBit` is 0 or kMaskBit.
std::size_t write_header(char* out, Opcode opcode, std::size_t payloadSize, unsigned maskBit) {
  out[0] = static_cast<char>(kFinalBit | static_cast<unsigned>(opcode));
  if (payloadSize < kLengthIn2Bytes) {
    out[1] = static_cast<char>(maskBit | payloadSize);
    return 2;
  }
  const bool wide = payloadSize > 0xFFFF;
  out[1] = static_cast<char>(maskBit | (wide ? kLengthIn8Bytes : kLengthIn2Bytes));
  return 2 + write_big_endian(out + 2, payloadSize, wide ? 8 : 2);
}

}  // namespace

std::size_t write_frame_header(char* out, Opcode opcode, std::size_t payloadSize) noexcept {
  assert(!is_control(opcode) || payloadSize <= kMaxControlPayloadBytes);
  return write_header(out, opcode, payloadSize, 0);
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  std::array<char, kMaxServerFrameHeaderBytes> header;
  out.append(header.data(), write_frame_header(header.data(), opcode, payload.size())).append(payload);
}

void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, std::uint32_t maskKey) {
  assert(!is_control(opcode) || payload.size() <= kMaxControlPayloadBytes);
  std::array<char, kMaxFrameHeaderBytes> header;
  auto* const mask = header.data() + write_header(header.data(), opcode, payload.size(), kMaskBit);
  auto* const end = mask + write_big_endian(mask, maskKey, kMaskBytes);
  out.append(header.data(), end).append(payload);
  apply_mask(std::span(out).last(payload.size()), mask);
}

void append_close_payload(std::string& out, std::uint16_t code, std::string_view reason) {
  std::array<char, 2> bytes;
  out.append(bytes.data(), write_big_endian(bytes.data(), code, bytes.size()));
  reason = reason.substr(0, kMaxControlPayloadBytes - bytes.size());
  reason.remove_suffix(unfinished_tail(reason));
  out.append(reason);
}

}  // namespace chatcore::gateway
