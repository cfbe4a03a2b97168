#pragma once

#include "chatcore/ports/log.hpp"
#include "chatcore/ports/push.hpp"

namespace chatcore {

/// Instead of pushing, writes one line per notification: whom, where and which, never the content or the
/// token. Everything counts as sent. Thread-safe; the log must outlive it.
class CHATCORE_API LogPush final : public Push {
 public:
  explicit LogPush(Log& log) : log_(log) {}
  void send(std::vector<Notification> batch, Executor& executor,
            Completion<std::vector<PushOutcome>> done) override;

 private:
  Log& log_;
};

}  // namespace chatcore
