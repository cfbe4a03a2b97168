#include "terminal.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace chat_cli {

namespace {

// A line that is longer than any message may be is cut.
constexpr std::size_t kMaxLineBytes = 1 << 20;

}  // namespace

Terminal::Terminal() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ >= 0) return;
  std::cerr << "chat_cli: no eventfd\n";
  std::exit(1);
}
Terminal::~Terminal() { ::close(wake_); }

void Terminal::post(chatcore::Task task) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  // Fails only where the counter is full, and then the reader is awake anyway.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

std::optional<std::string> Terminal::turn(bool wantInput, std::chrono::milliseconds patience) {
  if (!wantInput || lines_.empty()) {
    const bool listen = wantInput && !ended_;
    std::array<pollfd, 2> watched{{{wake_, POLLIN, 0}, {listen ? STDIN_FILENO : -1, POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), static_cast<int>(patience.count()));
    if (watched[1].revents != 0) read_input();
  }
  run_posted();
  if (!wantInput || lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

void Terminal::read_input() {
  std::array<char, 4096> chunk;
  const ssize_t bytes = ::read(STDIN_FILENO, chunk.data(), chunk.size());
  if (bytes <= 0) {
    ended_ = true;
    if (!partial_.empty()) lines_.push_back(std::exchange(partial_, {}));
    return;
  }
  for (char c : std::string_view(chunk.data(), static_cast<std::size_t>(bytes))) {
    if (c == '\n') {
      lines_.push_back(std::exchange(partial_, {}));
    } else if (c != '\r' && partial_.size() < kMaxLineBytes) {
      partial_.push_back(c);
    }
  }
}

void Terminal::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(wake_, &count, sizeof count);
  std::deque<chatcore::Task> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (chatcore::Task& task : tasks) task();
}

}  // namespace chat_cli
