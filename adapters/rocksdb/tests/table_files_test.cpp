#include "table_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "temporary_store.hpp"

namespace chatcore::rocks {
namespace {

/// Asks the system to forget what it holds of a file. It may not.
void drop_from_memory(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ::fdatasync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

class OneTable {
 public:
  OneTable() : env_(make_env_with_table_files()) {
    std::ofstream(path_, std::ios::binary) << text_;
    REQUIRE(env_->GetFileSystem()->NewRandomAccessFile(path_, {}, &file_, nullptr).ok());
  }

  rocksdb::IOStatus read(std::uint64_t offset, std::size_t size, bool waiting, std::string& into) const {
    rocksdb::IOOptions options;
    if (!waiting) options.timeout = kNoWaiting;
    into.resize(size);
    rocksdb::Slice got;
    rocksdb::IOStatus status = file_->Read(offset, size, options, &got, into.data(), nullptr);
    into.resize(status.ok() ? got.size() : 0);
    return status;
  }
  const std::string& text() const { return text_; }
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/000001.sst";
  std::string text_ = std::string(1 << 20, 'a') + "the end";
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
};

TEST_CASE("a read that does not wait gets what the system holds, and nothing else") {
  const OneTable table;
  std::string got;
  REQUIRE(table.read(0, table.text().size(), true, got).ok());
  CHECK(got == table.text());
  REQUIRE(table.read(0, table.text().size(), false, got).ok());
  CHECK(got == table.text());

  drop_from_memory(table.path());
  const rocksdb::IOStatus dropped = table.read(0, table.text().size(), false, got);
  if (dropped.ok())
    MESSAGE("the system has not forgotten the file");
  else
    CHECK(dropped.IsTimedOut());
  REQUIRE(table.read(0, table.text().size(), true, got).ok());
  CHECK(got == table.text());
  CHECK(table.read(0, table.text().size(), false, got).ok());
}

TEST_CASE("a read beyond a table's end is short, waiting or not") {
  const OneTable table;
  for (const bool waiting : {true, false}) {
    std::string got;
    REQUIRE(table.read(1 << 20, 100, waiting, got).ok());
    CHECK(got == "the end");
    REQUIRE(table.read(2 << 20, 100, waiting, got).ok());
    CHECK(got.empty());
  }
}

TEST_CASE("a table that is not there is told apart from one that cannot be read") {
  const TemporaryFolder folder;
  const auto env = make_env_with_table_files();
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  CHECK(env->GetFileSystem()
            ->NewRandomAccessFile(folder.path() + "/1.sst", {}, &file, nullptr)
            .IsPathNotFound());
  CHECK(env->GetFileSystem()
            ->NewRandomAccessFile(folder.path() + "/1.sst/2.sst", {}, &file, nullptr)
            .IsPathNotFound());
  std::ofstream(folder.path() + "/file") << "text";
  const rocksdb::IOStatus nested =
      env->GetFileSystem()->NewRandomAccessFile(folder.path() + "/file/2.sst", {}, &file, nullptr);
  CHECK_FALSE(nested.ok());
  CHECK_FALSE(nested.IsPathNotFound());
}

}  // namespace
}  // namespace chatcore::rocks
