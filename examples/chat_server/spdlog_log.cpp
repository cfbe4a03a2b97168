#include "spdlog_log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace chat_server {

SpdlogLog::SpdlogLog() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("chat_server"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
}

void SpdlogLog::write(chatcore::LogLevel level, std::string_view component, std::string_view message) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], "{}: {}", component, message);
}

}  // namespace chat_server
