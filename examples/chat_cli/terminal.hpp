#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "chatcore/completion.hpp"

namespace chat_cli {

/// The program's one thread: waits for lines of standard input and for what the client posts.
class Terminal final : public chatcore::Executor {
 public:
  Terminal();
  ~Terminal() override;

  /// From any thread.
  void post(chatcore::Task task) override;

  /// Waits until something was posted, or a line came in if `wantInput`, or `patience` is over; runs what was
  /// posted. Returns the line.
  std::optional<std::string> turn(bool wantInput, std::chrono::milliseconds patience);
  /// No further line will come.
  bool ended() const { return ended_ && lines_.empty(); }

 private:
  void read_input();
  void run_posted();

  int wake_ = -1;
  bool ended_ = false;
  std::string partial_;
  std::deque<std::string> lines_;
  std::mutex mutex_;
  std::deque<chatcore::Task> posted_;
};

}  // namespace chat_cli
