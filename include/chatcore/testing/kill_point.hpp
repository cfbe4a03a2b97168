#pragma once

/// CHATCORE_KILL_POINT("name") names a place where a test may let the process die. Nothing unless the build
/// defines CHATCORE_KILL_POINTS (the CMake option of that name); then the environment decides:
/// CHATCORE_KILL_AT=name:n kills the process, as SIGKILL does, when it passes the place for the n-th time.

#ifdef CHATCORE_KILL_POINTS
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace chatcore::testing {

inline void pass_kill_point(std::string_view name) {
  struct Target {
    Target() {
      const char* const wanted = std::getenv("CHATCORE_KILL_AT");
      const std::string_view text = wanted == nullptr ? "" : wanted;
      const std::size_t colon = text.rfind(':');
      if (colon == std::string_view::npos) return;
      point = text.substr(0, colon);
      left = std::atol(text.data() + colon + 1);
    }
    std::string point;
    std::atomic<long> left{0};
  };
  static Target target;
  if (name == target.point && --target.left == 0) static_cast<void>(::kill(::getpid(), SIGKILL));
}

}  // namespace chatcore::testing

#define CHATCORE_KILL_POINT(name) ::chatcore::testing::pass_kill_point(name)
#else
#define CHATCORE_KILL_POINT(name) static_cast<void>(0)
#endif
