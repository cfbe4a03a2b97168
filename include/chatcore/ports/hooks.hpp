#pragma once

#include <string>
#include <string_view>

#include "chatcore/model/event.hpp"
#include "chatcore/model/user.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// The host's say. Called on a shard's thread, so an implementation answers at once (microseconds) and is
/// thread-safe across shards. An exception from a hook is caught and counts as a refusal with `internal`.
class CHATCORE_API Hooks {
 public:
  virtual ~Hooks();

  /// After authentication, before the session is admitted. An error closes the connection 4500.
  virtual Status on_connect(const Identity&) { return {}; }

  struct Draft {
    ConversationId conversationId;
    UserId senderId;
    MessageType messageType = MessageType::text;
    std::string_view content;  ///< JSON
    MessageId edited = 0;      ///< the message whose content this is to replace; 0: a new message
  };
  enum class Verdict : std::uint8_t { accept, rewrite, reject };
  struct Decision {
    Verdict verdict = Verdict::accept;
    std::string content;                                ///< rewrite: the JSON value to store instead
    Error error{ErrorCode::forbidden, "rejected", {}};  ///< reject: what the sender is told
  };
  /// Once per new message or edit, at the conversation's owner, after authorization; never for a retry of a
  /// known one.
  virtual Decision before_persist(const Draft&) { return {}; }

  /// After the commit, in the order of seq.
  virtual void after_persist(const ConversationId&, const Event&) {}

  /// A user has removed one of its devices (`devices.remove`), or the engine has: it was inactive for
  /// `deviceInactivityDays`, had to make room for a newcomer, or went with its primary device. Its connection
  /// is closed 4503 and it is gone from the directory: whether its credentials are good from now on is for
  /// the Authenticator to say. One that has come back after too long stays connected and is registered anew.
  virtual void on_device_removed(const UserId&, const DeviceId&) {}

  /// A user came online or, after the debounce, went offline.
  virtual void on_presence(const UserId&, bool /*online*/) {}
};

}  // namespace chatcore
