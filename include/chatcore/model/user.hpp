#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/model/ids.hpp"

namespace chatcore {

/// Who may see something of a user. Stored: never renumber.
enum class Audience : std::uint8_t { everyone = 0, contacts = 1, nobody = 2 };

/// What a user who is online says of it. On the wire: never renumber.
enum class Availability : std::uint8_t { online = 0, away = 1, dnd = 2 };

struct User {
  UserId userId;
  std::string displayName;
  Audience lastSeenAudience = Audience::everyone;
  Audience onlineAudience = Audience::everyone;
  /// false: others do not learn what this user has read, nor this user what others have.
  bool readReceipts = true;
};

struct Device {
  UserId userId;
  DeviceId deviceId;
  std::string platform;   ///< "ios", "android", "web", …; empty: not said
  std::string pushToken;  ///< empty: cannot be pushed to
  Timestamp lastActive = 0;
  Timestamp registeredAt = 0;  ///< the first of a user's devices may be the primary one
};

/// Who a connection turned out to be.
struct Identity {
  UserId userId;
  DeviceId deviceId;        ///< empty: the client must name its device
  Timestamp expiresAt = 0;  ///< 0: never; afterwards the connection is closed 4501
};

}  // namespace chatcore
