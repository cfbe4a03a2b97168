#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "calls.hpp"
#include "journal.hpp"

namespace chatcore::rocks {

/// Moves frozen parts of the journal into the column families `sends` and `cursors`: sorted, written as files
/// of their own and ingested, so that no random insert is paid. After a failed write, when RocksDB cannot
/// ingest, by commits of some entries each. One thread of low priority, which also frees what others have no
/// time to.
class Folder {
 public:
  struct Hooks {
    /// Hands a piece, or a wish to have all that was committed made durable, to the committer; false: it has
    /// stopped.
    std::function<bool(AnyCall)> submit;
    /// Called on the folder's thread once a part is where it belongs, and will be there if anything after it
    /// is.
    std::function<void(std::uint64_t lastRow)> done;
  };

  Folder(Database& database, Journal& journal, Hooks hooks);
  ~Folder() { stop(); }

  /// One part at a time.
  void fold(std::shared_ptr<const JournalPart> part);
  void discard(std::shared_ptr<const void> garbage);
  /// Ends after the ingestion or the piece at hand, tried once; what is not folded stays in the journal.
  /// Before the committer stops. Idempotent.
  void stop();

 private:
  void run();
  void lower_priority();
  rocksdb::Status fold_once(const JournalPart& part);
  rocksdb::Status ingest(const JournalPart& part);
  rocksdb::Status commit(const JournalPart& part);
  rocksdb::Status commit_piece(FoldPieceCall& piece);
  rocksdb::Status sync_log();
  /// Waits for the committer's answer.
  template <class Call>
  rocksdb::Status ask_committer(Call call);
  bool is_stopping();
  rocksdb::Status write_sends(const JournalPart& part, const std::string& path);
  rocksdb::Status write_cursors(const JournalPart& part, const std::string& path);
  rocksdb::Status make_durable();

  Database& database_;
  Journal& journal_;
  Hooks hooks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const JournalPart> part_;
  std::vector<std::shared_ptr<const void>> garbage_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chatcore::rocks
