#pragma once

#include <rocksdb/env.h>

#include <cstdarg>

#include "chatcore/ports/log.hpp"

namespace chatcore::rocks {

/// What RocksDB has to say, from warnings on, to the host's log. Its own file beside the database would share
/// the disk's fate: after a write of that file has failed, RocksDB 7.8 ends the process with the next one (an
/// assertion, and Debian's build has them).
class ForwardedLog final : public rocksdb::Logger {
 public:
  /// null: nobody is told.
  explicit ForwardedLog(Log* log) : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), log_(log) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void LogHeader(const char*, va_list) override {}

 private:
  Log* log_;
};

}  // namespace chatcore::rocks
