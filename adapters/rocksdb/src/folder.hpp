#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "journal.hpp"

namespace chatcore::rocks {

/// Moves frozen parts of the journal into the column families `sends` and `cursors`: sorted, written as files
/// of their own and ingested, so that no random insert is ever paid. One thread of low priority, which also
/// frees what others have no time to.
class Folder {
 public:
  using Done = std::function<void(std::uint64_t lastRow)>;

  /// `done` is called on the folder's thread once a part is durable where it belongs.
  Folder(Database& database, Journal& journal, Done done);
  ~Folder() { stop(); }

  /// One part at a time.
  void fold(std::shared_ptr<const JournalPart> part);
  void discard(std::shared_ptr<const void> garbage);
  /// Ends after the fold at hand, tried once; what is not folded stays in the journal. Idempotent.
  void stop();

 private:
  void run();
  void lower_priority();
  rocksdb::Status fold_once(const JournalPart& part);
  rocksdb::Status write_sends(const JournalPart& part, const std::string& path);
  rocksdb::Status write_cursors(const JournalPart& part, const std::string& path);
  rocksdb::Status make_durable();

  Database& database_;
  Journal& journal_;
  Done done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const JournalPart> part_;
  std::vector<std::shared_ptr<const void>> garbage_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chatcore::rocks
