#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "database.hpp"
#include "journal_row.hpp"

namespace chatcore::rocks {

/// Sends and cursors of a run of journal rows.
struct JournalPart {
  absl::flat_hash_map<SendHash, OriginalSend> sends;
  absl::flat_hash_map<std::string, HeldCursor> cursors;
  std::uint64_t lastRow = 0;

  [[nodiscard]] std::size_t size() const { return sends.size() + cursors.size(); }
};

/// What commits remembered: the newest in memory (`current`, and `frozen` while it is being folded away),
/// the rest in the column families `sends` and `cursors`.
///
/// The committer alone changes it, and may look without a lock (`committer_…`); everybody else looks under
/// it.
class Journal {
 public:
  explicit Journal(Database& database) : database_(database) {}

  /// Reads the rows that were not folded before the last close.
  Status load();

  /// The remembered send, wherever it lies.
  Result<std::optional<OriginalSend>> find_send(const SendHash& hash);
  /// A user's cursor without what the column family holds: ask before taking the snapshot to read that with,
  /// then the answer is never ahead of the snapshot's events.
  Cursor held_cursor(const std::string& key);

  /// One answer for each.
  std::vector<Result<std::optional<OriginalSend>>> committer_find_sends(std::span<const SendHash> hashes);
  /// The merged cursor so far; reads the column family unless the whole cursor is in memory.
  Result<Cursor> committer_whole_cursor(const std::string& key);
  /// Number of the next row.
  [[nodiscard]] std::uint64_t next_row() const { return nextRow_; }
  /// Takes over what has been committed as row `next_row()`.
  void committed(JournalRow&& row);

  [[nodiscard]] std::size_t committer_size() const { return current_->size(); }
  [[nodiscard]] bool folding() const { return frozen_ != nullptr; }
  /// Sets `current` aside to be folded.
  std::shared_ptr<const JournalPart> freeze();
  /// The frozen part is in the column families. Returns what is left to be freed, at leisure.
  std::shared_ptr<const void> folded();
  void sends_folded() { sendsEmpty_.store(false); }

 private:
  std::optional<OriginalSend> send_in_memory(const SendHash& hash) const;
  using Sends = std::vector<Result<std::optional<OriginalSend>>>;
  /// Those of `wanted`, indices into `hashes`, as the column family has them.
  void stored_sends(std::span<const SendHash> hashes, const std::vector<std::size_t>& wanted, Sends& into);

  Database& database_;
  std::mutex mutex_;
  std::shared_ptr<JournalPart> current_ = std::make_shared<JournalPart>();
  std::shared_ptr<const JournalPart> frozen_;
  std::shared_ptr<const JournalPart> previous_;  ///< folded last: spares reading its cursors back
  std::uint64_t nextRow_ = 1;
  std::atomic<bool> sendsEmpty_{true};
};

}  // namespace chatcore::rocks
