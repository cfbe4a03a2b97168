#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/gateway/seam_options.hpp"
#include "seam/packet.hpp"

namespace chatcore::seam {

/// One end of an ordered link over channels that lose, repeat and delay: numbers what is sent, keeps it until
/// it is acknowledged, takes in what comes in order, and asks for the rest once more (go-back-N). Pure: takes
/// packets and the time, and says what is to be sent.
class OrderedLink {
 public:
  using Millis = std::chrono::milliseconds;

  OrderedLink(const SeamLinkOptions& options, std::uint64_t number, Millis now)
      : options_(options), number_(number), heardAt_(now), saidAt_(now), progressAt_(now), movedAt_(now) {}

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// The engine's number of its end: two ends of one link, of which the older was given up, are told apart.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  void set_end(std::uint64_t end) noexcept { end_ = end; }

  /// `out` grows by what is to be put on the other end's channel.
  void send(std::string body, Millis now, std::vector<Packet>& out);
  /// True: the body is next in order, to be taken in now.
  [[nodiscard]] bool receive(const PacketView& packet, Millis now, std::vector<Packet>& out);
  /// About every 100 ms.
  void tick(Millis now, std::vector<Packet>& out);
  void say_beat(Millis now, std::vector<Packet>& out);

  enum class Health : std::uint8_t {
    good,
    silent,   ///< nothing is heard
    stuck,    ///< what was sent is not acknowledged, though something is heard
    overrun,  ///< too much waits for an acknowledgement
  };
  [[nodiscard]] Health health(Millis now) const noexcept;
  /// Too much waits for more to be begun; half way to an overrun.
  [[nodiscard]] bool congested() const noexcept {
    return unacknowledgedBytes_ > options_.maxUnacknowledged / 2;
  }

  /// The other end's steady time by this end's clock, off by no more than the shortest way of a packet in the
  /// last minute or two, and what the clocks have drifted since.
  [[nodiscard]] Millis here(Millis there) const noexcept;

 private:
  struct Unacknowledged {
    std::uint64_t seq = 0;
    std::shared_ptr<const std::string> body;
  };

  void acknowledged(std::uint64_t seq, Millis now);
  void send_again(Millis now, std::vector<Packet>& out);
  void say(PacketKind kind, Millis now, std::vector<Packet>& out);
  [[nodiscard]] Packet packet(PacketKind kind, std::uint64_t seq, Millis now) const;
  void note_offset(Millis offset, Millis now);
  void ask_on(std::size_t taken, Millis now, std::vector<Packet>& out);

  SeamLinkOptions options_;
  std::uint64_t number_;
  std::uint64_t end_ = 0;
  std::deque<Unacknowledged> unacknowledged_;
  std::size_t unacknowledgedBytes_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t told_ = 0;     ///< of `received_`, as the other end was last told
  std::uint64_t highest_ = 0;  ///< the other end has sent so much
  std::size_t takenSinceAsked_ = 0;
  Millis heardAt_;
  Millis saidAt_;
  Millis progressAt_;              ///< when an acknowledgement last came, or was first waited for
  Millis movedAt_;                 ///< likewise, however often it was asked about
  std::optional<Millis> askedAt_;  ///< for what is missing
  std::optional<Millis> resentAt_;
  std::optional<Millis> offset_;         ///< the least of this minute
  std::optional<Millis> earlierOffset_;  ///< of the one before
  Millis offsetSince_{0};
};

/// For logs.
[[nodiscard]] std::string_view to_string(OrderedLink::Health health) noexcept;

}  // namespace chatcore::seam
