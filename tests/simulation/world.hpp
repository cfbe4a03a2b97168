#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "chatcore/testing/manual_clock.hpp"
#include "scenario.hpp"
#include "scheduler.hpp"
#include "trace.hpp"
#include "truth.hpp"

namespace chatcore::simulation {

/// What everything simulated stands on.
struct World {
  World(std::uint64_t worldSeed, std::FILE* out)
      : seed(worldSeed),
        trace(clock, out),
        scheduler(clock, trace, Choices(worldSeed, 2)),
        scenario(Scenario::of(worldSeed)),
        faults(worldSeed, 3),
        delays(worldSeed, 4),
        truth(
            scenario.remembers(), [this](const std::string& what) { fail(what); },
            [this](const UserId& by, const UserId& whom) { return blocks(by, whom); }) {}

  std::uint64_t seed;
  testing::ManualClock clock;
  Trace trace;
  Scheduler scheduler;
  Scenario scenario;
  Choices faults;
  Choices delays;
  Truth truth;
  Trouble trouble;
  /// Messages whose sender was told that they will never be written, or would have been had it listened.
  std::set<ClientMsgId> refused;
  /// The first thing that was wrong; the run ends there.
  std::string violation;

  void fail(const std::string& what) {
    if (!violation.empty()) return;
    violation = what;
    trace.note("VIOLATION", what);
  }
  [[nodiscard]] Millis now() const { return clock.steady(); }
  [[nodiscard]] Millis delay(std::int64_t most) { return Millis(delays.between(0, most)); }

  /// When a server last heard of a user who was welcome there.
  std::map<UserId, Millis> heard;

  /// Whether a user shows what was read, as the directory was last told.
  struct ReadReceipts {
    bool shown = true;
    Millis since{0};
  };
  /// How long a change of it may take to be felt by what is under way.
  static constexpr Millis kSettingsGrace{10'000};
  std::map<UserId, ReadReceipts> readReceipts;
  /// Nothing while that has changed too lately to be held against anybody.
  [[nodiscard]] std::optional<bool> shows_receipts(const UserId& user) const {
    const auto found = readReceipts.find(user);
    if (found == readReceipts.end()) return true;
    if (now() - found->second.since < kSettingsGrace) return std::nullopt;
    return found->second.shown;
  }

  /// When a user's settings were to be changed last: while they cannot be read, nobody sees the user.
  std::map<UserId, Millis> settingsTouched;

  /// When a device was last registered, when it was removed, and when a server heard of that.
  struct DeviceLife {
    Millis registered{-1};
    Millis removed{-1};
    Millis told{-1};
    std::size_t removals = 0;  ///< under way
    Millis leaving{-1};        ///< when the first of those was asked for
  };
  std::map<std::pair<UserId, DeviceId>, DeviceLife> deviceLives;

  struct Block {
    bool blocked = false;
    Millis since{0};
  };
  /// How long a block may take to be felt everywhere.
  static constexpr Millis kBlockGrace{10'000};
  std::map<std::pair<UserId, UserId>, Block> blockList;
  [[nodiscard]] std::optional<bool> blocks(const UserId& by, const UserId& whom) const {
    const auto found = blockList.find({by, whom});
    if (found == blockList.end()) return false;
    if (now() - found->second.since < kBlockGrace) return std::nullopt;
    return found->second.blocked;
  }
};

}  // namespace chatcore::simulation
