#include "table_files.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace chatcore::rocks {

namespace {

rocksdb::IOStatus failed(const std::string& name) {
  return rocksdb::IOStatus::IOError(name, std::generic_category().message(errno));
}

class TableFile final : public rocksdb::FSRandomAccessFile {
 public:
  TableFile(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
  ~TableFile() override { ::close(descriptor_); }
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  rocksdb::IOStatus Read(std::uint64_t offset, std::size_t size, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch, rocksdb::IODebugContext*) const override {
    const int flags = waits(options) ? 0 : RWF_NOWAIT;
    std::size_t done = 0;
    while (done < size) {
      const iovec rest{scratch + done, size - done};
      const ssize_t got = ::preadv2(descriptor_, &rest, 1, static_cast<off_t>(offset + done), flags);
      if (got == 0) break;
      if (got > 0) {
        done += static_cast<std::size_t>(got);
      } else if (flags != 0 && errno != EINTR) {
        // Also where the file system knows no such reads: then all of them wait elsewhere.
        return rocksdb::IOStatus::TimedOut("not in memory");
      } else if (errno != EINTR) {
        return failed(name_);
      }
    }
    *result = rocksdb::Slice(scratch, done);
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus Prefetch(std::uint64_t offset, std::size_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext*) override {
    if (waits(options)) advise(offset, size, POSIX_FADV_WILLNEED);
    return rocksdb::IOStatus::OK();
  }

  void Hint(AccessPattern pattern) override {
    switch (pattern) {
      case kNormal:
        return advise(0, 0, POSIX_FADV_NORMAL);
      case kRandom:
        return advise(0, 0, POSIX_FADV_RANDOM);
      case kSequential:
        return advise(0, 0, POSIX_FADV_SEQUENTIAL);
      case kWillNeed:
        return advise(0, 0, POSIX_FADV_WILLNEED);
      case kWontNeed:
        return advise(0, 0, POSIX_FADV_DONTNEED);
    }
  }

  rocksdb::IOStatus InvalidateCache(std::size_t offset, std::size_t size) override {
    advise(offset, size, POSIX_FADV_DONTNEED);
    return rocksdb::IOStatus::OK();
  }

 private:
  static bool waits(const rocksdb::IOOptions& options) { return options.timeout != kNoWaiting; }
  /// A wish: what the system makes of it is its own affair.
  void advise(std::uint64_t offset, std::size_t size, int how) const {
    static_cast<void>(
        ::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size), how));
  }

  std::string name_;
  int descriptor_;
};

class TableFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "chatcore.table-files"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    if (!rocksdb::Slice(name).ends_with(".sst"))
      return FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      return errno == ENOENT ? rocksdb::IOStatus::PathNotFound(name, std::generic_category().message(errno))
                             : failed(name);
    }
    *file = std::make_unique<TableFile>(name, descriptor);
    return rocksdb::IOStatus::OK();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_env_with_table_files() {
  return rocksdb::NewCompositeEnv(std::make_shared<TableFiles>(rocksdb::FileSystem::Default()));
}

}  // namespace chatcore::rocks
