#include <doctest/doctest.h>

#include "chatcore/memory/directory.hpp"
#include "chatcore/memory/log_store.hpp"
#include "chatcore/testing/directory_conformance.hpp"
#include "chatcore/testing/log_store_conformance.hpp"

using namespace chatcore;

namespace {

struct MemoryLogFixture final : testing::LogStoreFixture {
  LogStore& store() override { return memory; }
  MemoryLogStore memory;
};

struct MemoryDirectoryFixture final : testing::DirectoryFixture {
  explicit MemoryDirectoryFixture(bool knownUsersOnly) : memory({knownUsersOnly}) {}
  Directory& directory() override { return memory; }
  MemoryDirectory memory;
};

void run_all(const std::vector<testing::ConformanceCase>& cases) {
  for (const auto& one : cases) {
    INFO(one.name);
    CHECK_NOTHROW(one.run());
  }
}

}  // namespace

TEST_CASE("the memory log store does what every log store must do") {
  run_all(testing::log_store_conformance([] { return std::make_unique<MemoryLogFixture>(); }));
}

TEST_CASE("the memory directory does what every directory must do") {
  for (bool known : {false, true})
    run_all(
        testing::directory_conformance([known] { return std::make_unique<MemoryDirectoryFixture>(known); }));
}
