#include "forwarded_log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace chatcore::rocks {

void ForwardedLog::Logv(const char* format, va_list arguments) {
  Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
}

void ForwardedLog::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (log_ == nullptr || level < rocksdb::InfoLogLevel::WARN_LEVEL ||
      level == rocksdb::InfoLogLevel::HEADER_LEVEL)
    return;
  std::array<char, 512> text;  // longer ones are cut
  const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
  if (length <= 0) return;
  const std::string_view said(text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1));
  const bool warns = level == rocksdb::InfoLogLevel::WARN_LEVEL;
  log_->write(warns ? LogLevel::warn : LogLevel::error, "rocksdb", said);
}

}  // namespace chatcore::rocks
