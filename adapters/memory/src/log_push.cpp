#include "chatcore/memory/push.hpp"

namespace chatcore {

namespace {

/// Ids only: whatever else came in could forge lines of the log.
std::string_view shown(std::string_view id) { return valid_id(id) ? id : "?"; }

std::string line_of(const Notification& notification) {
  std::string line;
  line.append("notify user=").append(shown(notification.device.userId));
  line.append(" device=").append(shown(notification.device.deviceId));
  line.append(" conversation=").append(shown(notification.conversationId));
  line.append(" seq=").append(std::to_string(notification.seq));
  line.append(" type=").append(to_string(notification.messageType));
  return line;
}

}  // namespace

void LogPush::send(std::vector<Notification> batch, Executor& executor,
                   Completion<std::vector<PushOutcome>> done) {
  for (const Notification& notification : batch) log_.write(LogLevel::info, "push", line_of(notification));
  complete(executor, std::move(done), std::vector<PushOutcome>(batch.size(), PushOutcome::sent));
}

}  // namespace chatcore
