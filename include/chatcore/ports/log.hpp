#pragma once

#include <cstdint>
#include <string_view>

#include "chatcore/version.hpp"

namespace chatcore {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// Where chatcore says what an operator should know. Called from any thread; must not block for long.
/// Carries no message content and no credentials.
class CHATCORE_API Log {
 public:
  virtual ~Log();
  virtual void write(LogLevel level, std::string_view component, std::string_view message) = 0;
};

/// Discards everything.
[[nodiscard]] CHATCORE_API Log& null_log();

}  // namespace chatcore
