#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "chatcore/gateway/frame.hpp"
#include "chatcore/gateway/seam.hpp"
#include "core/bytes.hpp"

/// The seam's calls as values that travel. Sessions are the gateway's own; views are into what is read.
/// `each` shows a message's fields, in the order in which they travel.
namespace chatcore::seam {

/// No topic has a longer name: a prefix and an id.
inline constexpr std::size_t kMaxTopicBytes = 256;

struct TopicName : std::string_view {
  TopicName() = default;
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  TopicName(const Text& text) : std::string_view(text) {}
};

/// A frame without its framing.
struct FrameImage {
  DeliveryClass deliveryClass = DeliveryClass::reply;
  std::string_view markKey;
  std::uint64_t markNumber = 0;
  std::string_view payload;

  static void each(auto& self, auto& use) {
    use(self.deliveryClass), use(self.markKey), use(self.markNumber), use(self.payload);
  }
  [[nodiscard]] static FrameImage of(const Frame& frame) {
    return {frame.delivery_class(), frame.mark_key(), frame.mark_number(), frame.payload()};
  }
  [[nodiscard]] FrameRef frame() const {
    return FrameRef::text(payload, {deliveryClass, markKey, markNumber});
  }
};

// Downward, from an engine to a gateway: GatewayCommands and FanOut.
struct Subscribe {
  SessionId session = 0;
  TopicName topic;
  Seq memberSeq = 0;
  static void each(auto& self, auto& use) { use(self.session), use(self.topic), use(self.memberSeq); }
};
struct Unsubscribe {
  SessionId session = 0;
  TopicName topic;
  static void each(auto& self, auto& use) { use(self.session), use(self.topic); }
};
struct Admit {
  SessionId session = 0;
  static void each(auto& self, auto& use) { use(self.session); }
};
struct Deliver {
  SessionId session = 0;
  FrameImage frame;
  static void each(auto& self, auto& use) { use(self.session), use(self.frame); }
};
struct Close {
  SessionId session = 0;
  CloseCode code = CloseCode::normal;
  std::uint32_t retryAfterMs = 0;
  static void each(auto& self, auto& use) { use(self.session), use(self.code), use(self.retryAfterMs); }
};
struct Refreshed {
  TopicName topic;
  Seq memberSeq = 0;
  std::vector<SessionId> allowed;
  static void each(auto& self, auto& use) { use(self.topic), use(self.memberSeq), use(self.allowed); }
};
struct Publish {
  TopicName topic;
  FrameImage frame;
  Seq memberSeq = 0;
  SessionId except = 0;
  static void each(auto& self, auto& use) {
    use(self.topic), use(self.frame), use(self.memberSeq), use(self.except);
  }
};
/// A head envelope.
struct PublishHead {
  TopicName topic;
  Seq memberSeq = 0;
  std::string_view key;
  std::uint64_t number = 0;
  std::chrono::milliseconds age{0};
  static void each(auto& self, auto& use) {
    use(self.topic), use(self.memberSeq), use(self.key), use(self.number), use(self.age);
  }
};
struct ChangeMembers {
  TopicName topic;
  Seq memberSeq = 0;
  Seq previous = 0;
  std::vector<TopicName> added;  ///< inbox topics
  std::vector<TopicName> removed;
  static void each(auto& self, auto& use) {
    use(self.topic), use(self.memberSeq), use(self.previous), use(self.added), use(self.removed);
  }
};
/// To every admitted session.
struct Broadcast {
  FrameImage frame;
  static void each(auto& self, auto& use) { use(self.frame); }
};

// Upward: GatewayEvents, and a topic without takers.
struct Opened {
  SessionId session = 0;
  std::string_view query;
  std::string_view authorization;
  std::string_view origin;
  std::string_view remoteAddress;
  std::chrono::milliseconds acceptedAt{0};  ///< by the gateway's steady clock
  static void each(auto& self, auto& use) {
    use(self.session), use(self.query), use(self.authorization), use(self.origin), use(self.remoteAddress),
        use(self.acceptedAt);
  }
};
struct Received {
  SessionId session = 0;
  std::vector<std::string_view> messages;
  static void each(auto& self, auto& use) { use(self.session), use(self.messages); }
};
struct Drained {
  SessionId session = 0;
  bool everything = false;
  std::vector<std::pair<std::string_view, std::uint64_t>> marks;
  static void each(auto& self, auto& use) { use(self.session), use(self.everything), use(self.marks); }
};
struct Closed {
  SessionId session = 0;
  std::uint16_t code = 0;
  static void each(auto& self, auto& use) { use(self.session), use(self.code); }
};
struct Stale {
  TopicName topic;
  std::vector<SessionId> takers;
  static void each(auto& self, auto& use) { use(self.topic), use(self.takers); }
};
struct Overdue {
  SessionId session = 0;
  static void each(auto& self, auto& use) { use(self.session); }
};
/// Nobody here takes the topic any more, as of the `heard`th message that came down.
struct Left {
  TopicName topic;
  std::uint64_t heard = 0;
  static void each(auto& self, auto& use) { use(self.topic), use(self.heard); }
};

using Downward = std::variant<Subscribe, Unsubscribe, Admit, Deliver, Close, Refreshed, Publish, PublishHead,
                              ChangeMembers, Broadcast>;
using Upward = std::variant<Opened, Received, Drained, Closed, Stale, Overdue, Left>;

void append(std::string& out, const Downward& message);
void append(std::string& out, const Upward& message);
/// Messages that go together, in the order in which they were added.
class Gathered {
 public:
  /// What has to go before it, because both would be more than `most` bytes; mostly nothing.
  template <class Message>
  [[nodiscard]] std::optional<std::string> add(const Message& message, std::size_t most) {
    const std::size_t before = bytes_.size();
    append(bytes_, message);
    if (before == 0 || bytes_.size() <= most) return std::nullopt;
    std::string rest = bytes_.substr(before);
    bytes_.resize(before);
    return std::exchange(bytes_, std::move(rest));
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::string take() { return std::exchange(bytes_, {}); }

 private:
  std::string bytes_;
};

/// The next message. Nothing: what is there is none, and nothing after it can be read either.
[[nodiscard]] std::optional<Downward> read_downward(ByteReader& reader);
[[nodiscard]] std::optional<Upward> read_upward(ByteReader& reader);

}  // namespace chatcore::seam
