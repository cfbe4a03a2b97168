#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/user.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// One notification for one device.
struct Notification {
  Device device;
  ConversationId conversationId;
  Seq seq = 0;
  MessageId messageId = 0;
  UserId senderId;
  MessageType messageType = MessageType::text;
  std::string content;  ///< JSON; empty in privacy mode
};

enum class PushOutcome : std::uint8_t {
  sent,
  dead_token,  ///< forget the token
  retry,       ///< the service is busy or away
  rejected,    ///< this notification can never be sent
};

/// Delivers notifications to devices that are not connected.
class CHATCORE_API Push {
 public:
  virtual ~Push();
  /// At most 256 a batch; at least once, so a device may be told twice.
  virtual void send(std::vector<Notification> batch, Executor& executor,
                    Completion<std::vector<PushOutcome>> done) = 0;
};

}  // namespace chatcore
