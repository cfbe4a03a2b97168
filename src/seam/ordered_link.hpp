#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
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
      : options_(options), number_(number), heardAt_(now), saidAt_(now), progressAt_(now) {}

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// `out` grows by what is to be put on the other end's channel.
  void send(std::string body, Millis now, std::vector<Packet>& out);
  /// True: the body is next in order, to be taken in now.
  [[nodiscard]] bool receive(const PacketView& packet, Millis now, std::vector<Packet>& out);
  /// About every 100 ms.
  void tick(Millis now, std::vector<Packet>& out);
  void say_beat(Millis now, std::vector<Packet>& out);

  enum class Health : std::uint8_t { good, silent, overrun };
  [[nodiscard]] Health health(Millis now) const noexcept;

  /// The other end's steady time by this end's clock, off by no more than the shortest way of a packet so
  /// far.
  [[nodiscard]] Millis here(Millis there) const noexcept { return there + offset_.value_or(Millis(0)); }

 private:
  struct Unacknowledged {
    std::uint64_t seq = 0;
    std::shared_ptr<const std::string> body;
  };

  void acknowledged(std::uint64_t seq, Millis now);
  void send_again(Millis now, std::vector<Packet>& out);
  void say(PacketKind kind, Millis now, std::vector<Packet>& out);
  [[nodiscard]] Packet packet(PacketKind kind, std::uint64_t seq, Millis now) const;

  SeamLinkOptions options_;
  std::uint64_t number_;
  std::deque<Unacknowledged> unacknowledged_;
  std::size_t unacknowledgedBytes_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t told_ = 0;  ///< of `received_`, as the other end was last told
  Millis heardAt_;
  Millis saidAt_;
  Millis progressAt_;              ///< when an acknowledgement last came, or was first waited for
  std::optional<Millis> askedAt_;  ///< for what is missing
  std::optional<Millis> resentAt_;
  std::optional<Millis> offset_;
};

}  // namespace chatcore::seam
