#include "gateway/websocket_frame.hpp"

#include <algorithm>
#include <vector>

#include "fuzz.hpp"

/// Two bytes of options (role and switches, largest message), then what a peer sends. Read at once, in
/// pieces, and by a caller who waits for the bytes that the parser asked for, it must mean the same. And what
/// is written is what is read: the input as payloads, through both writers.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::gateway;
using Kind = ParseStep::Kind;

struct Step {
  Kind kind;
  std::uint16_t code;
  std::string payload;
  friend bool operator==(const Step&, const Step&) = default;
};
using Steps = std::vector<Step>;

WebSocketOptions options_of(unsigned char switches, unsigned char largest) {
  constexpr std::uint32_t kLargest[] = {0, 1, 16, 125, 126, 1000, 65535, 65536, 70000};
  WebSocketOptions options;
  options.role = (switches & 1) != 0 ? WebSocketRole::client : WebSocketRole::server;
  options.validateText = (switches & 2) == 0;
  options.acceptBinary = (switches & 4) == 0;
  options.maxMessageBytes = kLargest[largest % std::size(kLargest)];
  return options;
}

void check_step(const ParseStep& step, const WebSocketOptions& options) {
  switch (step.kind) {
    case Kind::text:
      require(!options.validateText || is_utf8(step.payload), "text is UTF-8");
      [[fallthrough]];
    case Kind::binary:
      require(step.payload.size() <= options.maxMessageBytes, "no message is over the limit");
      require(step.kind == Kind::text || options.acceptBinary, "no binary where none is wanted");
      return;
    case Kind::ping:
    case Kind::pong:
      require(step.payload.size() <= kMaxControlPayloadBytes, "control frames are small");
      return;
    case Kind::close:
      require(step.closeCode == close_code::kNoneGiven || is_sendable_close_code(step.closeCode),
              "a peer's close code is one that it may send");
      require(step.payload.size() <= kMaxControlPayloadBytes - 2 && is_utf8(step.payload),
              "a close reason is short UTF-8");
      return;
    case Kind::failure:
      require(step.closeCode == 1002 || step.closeCode == 1003 || step.closeCode == 1007 ||
                  step.closeCode == 1009,
              "a failure has its code");
      return;
    case Kind::need_more:
      return;
  }
}

/// Holds unread bytes as a transport does.
class Reader {
 public:
  explicit Reader(const WebSocketOptions& options) : options_(options), parser_(options) {}

  /// `waits`: the parser is not asked before what it needs is there.
  void take(std::string_view bytes, bool waits) {
    unread_.append(bytes);
    if (waits && unread_.size() < needed_) return;
    for (;;) {
      const Exact exact(unread_);
      const ParseStep step = parser_.next({exact.data(), unread_.size()});
      check_step(step, options_);
      require(step.consumed <= unread_.size(), "no more is consumed than there is");
      if (step.kind != Kind::need_more)
        steps.push_back({step.kind, step.closeCode, std::string(step.payload)});
      unread_.erase(0, step.consumed);
      if (step.kind != Kind::need_more) continue;
      needed_ = step.needed;
      require(parser_.finished() || needed_ > unread_.size(), "what is needed is more than what is there");
      require(!parser_.finished() || unread_.empty(), "after the end everything is discarded");
      return;
    }
  }
  [[nodiscard]] bool waiting() const { return unread_.size() < needed_; }
  [[nodiscard]] std::size_t unread() const { return unread_.size(); }

  Steps steps;

 private:
  WebSocketOptions options_;
  WebSocketParser parser_;
  std::string unread_;
  std::size_t needed_ = 0;
};

Reader read(std::string_view stream, const WebSocketOptions& options, bool inPieces, bool waits) {
  Reader reader(options);
  if (!inPieces) {
    reader.take(stream, false);
    return reader;
  }
  for (Cuts cuts(stream); !stream.empty();) {
    const auto piece = stream.substr(0, cuts.size());
    stream.remove_prefix(piece.size());
    reader.take(piece, waits);
  }
  return reader;
}

void check_reading(std::string_view stream, const WebSocketOptions& options) {
  const Reader whole = read(stream, options, false, false);
  const Reader pieces = read(stream, options, true, false);
  require(whole.steps == pieces.steps && whole.unread() == pieces.unread(),
          "how the bytes drip in makes no difference");
  const Reader patient = read(stream, options, true, true);
  const bool prefix = patient.steps.size() <= whole.steps.size() &&
                      std::equal(patient.steps.begin(), patient.steps.end(), whole.steps.begin());
  require(prefix && (patient.steps == whole.steps || patient.waiting()),
          "who waits for what is needed reads the same, at most later");
}

void check_writing(std::string_view text, bool toServer) {
  std::string wire;
  Steps written;
  for (std::uint32_t i = 1; !text.empty() && i < 64; ++i) {
    const auto line = take_until(text, '\n');
    const bool control = i % 4 == 0;
    const auto payload = control ? line.substr(0, kMaxControlPayloadBytes) : line;
    const Opcode opcode = control ? Opcode::ping : Opcode::binary;
    if (toServer)
      append_masked_frame(wire, opcode, payload, i * 0x9E3779B1U);
    else
      append_frame(wire, opcode, payload);
    written.push_back({control ? Kind::ping : Kind::binary, 0, std::string(payload)});
  }
  std::string goodbye;
  append_close_payload(goodbye, 4321, written.empty() ? "" : written[0].payload);
  const bool utf8 = is_utf8(std::string_view(goodbye).substr(2));
  require(goodbye.size() <= kMaxControlPayloadBytes, "a close payload is small");
  require(utf8 || written.empty() || !is_utf8(written[0].payload), "a reason is cut between characters");
  if (toServer)
    append_masked_frame(wire, Opcode::close, goodbye, 7);
  else
    append_frame(wire, Opcode::close, goodbye);
  written.push_back(utf8 ? Step{Kind::close, 4321, goodbye.substr(2)} : Step{Kind::failure, 1007, ""});

  WebSocketOptions options;
  options.role = toServer ? WebSocketRole::server : WebSocketRole::client;
  options.maxMessageBytes = 1 << 24;
  require(read(wire, options, false, false).steps == written, "what is written is what is read");
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  if (size < 2) return 0;
  const std::string_view stream = text_of(data + 2, size - 2);
  check_reading(stream, options_of(data[0], data[1]));
  check_writing(stream, (data[0] & 1) == 0);
  return 0;
}
