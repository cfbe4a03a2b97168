#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "database.hpp"
#include "temporary_store.hpp"
#include "values.hpp"

using namespace chatcore;
using rocks::TemporaryFolder;

namespace {

RocksdbOptions in(const std::string& path) {
  RocksdbOptions options;
  options.path = path;
  return options;
}

ErrorCode refusal(const std::string& path) {
  auto opened = RocksdbStore::open(in(path));
  REQUIRE_FALSE(opened.has_value());
  CHECK_FALSE(opened.error().message.empty());
  return opened.error().code;
}

}  // namespace

TEST_CASE("every opening counts") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/made/on/demand";
  for (std::uint64_t boot = 1; boot <= 3; ++boot) CHECK(rocks::open_store(in(path))->boot() == boot);
}

TEST_CASE("a database in use is not opened twice") {
  const TemporaryFolder folder;
  const auto first = rocks::open_store(in(folder.path()));
  CHECK(refusal(folder.path()) == ErrorCode::unavailable);
}

TEST_CASE("a database in use by another process is not opened") {
  const TemporaryFolder folder;
  int ready[2];
  int finish[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(finish) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto mine = RocksdbStore::open(in(folder.path()));
    char byte = mine ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || ::read(finish[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  REQUIRE(byte == 'y');
  CHECK(refusal(folder.path()) == ErrorCode::unavailable);
  REQUIRE(::write(finish[1], &byte, 1) == 1);
  CHECK(::waitpid(child, nullptr, 0) == child);
  // The child ended without closing: the next open takes the log up from where it stands.
  CHECK(rocks::open_store(in(folder.path()))->boot() == 2);
  for (int end : {ready[0], ready[1], finish[0], finish[1]}) ::close(end);
}

TEST_CASE("what is no folder is named so") {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/file";
  std::ofstream(file) << "text";
  CHECK(refusal(file) == ErrorCode::invalid_argument);
  CHECK(refusal("") == ErrorCode::invalid_argument);
  CHECK(refusal(file + "/below") == ErrorCode::io_error);
}

TEST_CASE("a damaged database is named so") {
  const TemporaryFolder folder;
  rocks::open_store(in(folder.path()));
  std::ofstream(folder.path() + "/CURRENT", std::ios::trunc) << "nonsense";
  CHECK(refusal(folder.path()) == ErrorCode::corrupted);
}

TEST_CASE("a newer format is left alone") {
  const TemporaryFolder folder;
  rocks::open_store(in(folder.path()));
  {
    auto database = rocks::Database::open(in(folder.path()));
    REQUIRE(database.has_value());
    rocksdb::WriteBatch batch;
    batch.Put((*database)->column(rocks::Column::meta), "format",
              rocks::encode_number("format", rocks::kFormat + 1));
    REQUIRE((*database)->write(batch, true).ok());
  }
  CHECK(refusal(folder.path()) == ErrorCode::unsupported);
}

TEST_CASE("a database with parts of somebody else is left alone") {
  const TemporaryFolder folder;
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    REQUIRE(rocksdb::DB::Open(options, folder.path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    REQUIRE(db->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "theirs", &handle).ok());
    REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
  }
  CHECK(refusal(folder.path()) == ErrorCode::unsupported);
}
