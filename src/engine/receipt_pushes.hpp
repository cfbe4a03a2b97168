#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "chatcore/model/ids.hpp"

namespace chatcore::engine {

/// What the others are told of one user's cursor: at once where nothing was told for an interval, and
/// otherwise the latest position when the interval is over.
struct ReceiptTrack {
  static constexpr std::int64_t kNever = INT64_MIN / 2;

  struct Told {
    Seq before = 0;  ///< told up to here already
    Seq seq = 0;
    Seq delivers = 0;  ///< reading that says for the first time that something was delivered: up to here
  };

  std::int64_t toldAt = kNever;  ///< steady millis
  Seq before = 0;
  Seq seq = 0;  ///< held back; 0: nothing is
  Seq delivers = 0;

  [[nodiscard]] bool holds() const noexcept { return seq != 0; }
  [[nodiscard]] std::int64_t due(std::int64_t interval) const noexcept { return toldAt + interval; }

  /// The cursor moved from `from` to `to`.
  [[nodiscard]] std::optional<Told> moved(Seq from, Seq to, std::int64_t now, std::int64_t interval,
                                          bool deliversToo = false) {
    before = holds() ? std::min(before, from) : from;
    seq = std::max(seq, to);
    if (deliversToo) delivers = std::max(delivers, to);
    return take(now, interval);
  }
  /// What is to be told now.
  [[nodiscard]] std::optional<Told> take(std::int64_t now, std::int64_t interval) {
    if (!holds() || now < due(interval)) return std::nullopt;
    toldAt = now;
    const Told told{before, seq, delivers};
    seq = delivers = 0;
    return told;
  }
};

/// One user's in one conversation.
struct ReceiptPushes {
  ReceiptTrack delivered;
  ReceiptTrack read;

  [[nodiscard]] bool holds() const noexcept { return delivered.holds() || read.holds(); }
  [[nodiscard]] ReceiptTrack& of(bool readKind) noexcept { return readKind ? read : delivered; }
};

}  // namespace chatcore::engine
