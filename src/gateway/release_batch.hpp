#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "chatcore/gateway/frame.hpp"

namespace chatcore::gateway {

/// References given back during one flush, counted here so that a frame sent to a thousand sessions costs
/// one atomic, not a thousand. Sessions of one turn mostly hold the same frames in the same order, so the
/// next frame is looked for right behind the last one found.
class ReleaseBatch {
 public:
  /// True if the table was full and had to be given back: frames of this turn may be gone from memory.
  bool add(Frame* frame) {
    // No farther: in a turn of many different frames there is nothing to be found.
    for (std::uint32_t step = 0; step < std::min(used_, kLook); ++step) {
      cursor_ = cursor_ + 1 < used_ ? cursor_ + 1 : 0;
      if (entries_[cursor_].frame == frame) {
        ++entries_[cursor_].count;
        return false;
      }
    }
    const bool full = used_ == entries_.size();
    if (full) flush();
    cursor_ = used_;
    entries_[used_++] = {frame, 1};
    return full;
  }

  void flush() {
    for (std::uint32_t i = 0; i < used_; ++i) entries_[i].frame->release_references(entries_[i].count);
    used_ = 0;
    cursor_ = 0;
  }

  ~ReleaseBatch() { flush(); }

 private:
  static constexpr std::uint32_t kLook = 3;
  struct Entry {
    Frame* frame;
    std::uint32_t count;
  };
  std::array<Entry, 64> entries_;
  std::uint32_t used_ = 0;
  std::uint32_t cursor_ = 0;
};

}  // namespace chatcore::gateway
