#pragma once

#include "chatcore/ports/log.hpp"

namespace chat_server {

/// chatcore's log on stderr, through spdlog.
class SpdlogLog final : public chatcore::Log {
 public:
  SpdlogLog();
  void write(chatcore::LogLevel level, std::string_view component, std::string_view message) override;
};

}  // namespace chat_server
