#pragma once

#include <atomic>
#include <memory>

#include "committer.hpp"
#include "database.hpp"
#include "folder.hpp"
#include "journal.hpp"
#include "readers.hpp"

namespace chatcore::rocks {

/// The running store: the database with its threads, wired together.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const RocksdbOptions& options, Tuning tuning = {});
  Engine(std::unique_ptr<Database> database, std::unique_ptr<Journal> journal);
  ~Engine() { stop(); }

  Database& database() { return *database_; }
  Journal& journal() { return *journal_; }
  Readers& readers() { return readers_; }

  /// Hands a writing call to the committer; refused calls come back unmoved.
  Admission write(AnyCall& call, Committer::Weight weight) { return committer_.submit(call, weight); }

  /// Runs `task` on a reader thread; false: overloaded or stopped, and `task` is unmoved.
  bool read(Task& task, std::size_t requests) { return readers_.submit(task, requests); }

  [[nodiscard]] bool running() const { return !stopped_.load(); }

  /// What a call that was not admitted is told.
  [[nodiscard]] Error not_admitted();

  void stop();

 private:
  void claimed(ClaimCall call);
  void committed(std::shared_ptr<const void> garbage);
  bool submit(AnyCall call);
  void folded(std::uint64_t lastRow);

  std::unique_ptr<Database> database_;
  std::unique_ptr<Journal> journal_;
  std::atomic<bool> stopped_{false};
  Readers readers_;
  Folder folder_;
  Committer committer_;
};

}  // namespace chatcore::rocks
