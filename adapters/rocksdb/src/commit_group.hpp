#pragma once

#include <absl/container/flat_hash_map.h>
#include <rocksdb/write_batch.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calls.hpp"
#include "database.hpp"
#include "hot_logs.hpp"
#include "journal.hpp"
#include "timelines.hpp"

namespace chatcore::rocks {

/// Decides the calls of one commit in order and gathers what they write into one batch. Nothing outside (the
/// journal's tables) changes before `committed`; after a failure `failed` forgets what was assumed. Used by
/// the committer thread alone, and used again for the next commit.
class CommitGroup final : private DirectoryRows {
 public:
  CommitGroup(Database& database, Journal& journal);

  void decide(AppendCall& call);
  void decide(ClaimCall& call);
  void decide(AdvanceCall& call);
  void decide(PreferencesCall& call);
  void decide(HideCall& call);
  void decide(MarkCall& call);
  void decide(TellCall& call);
  void decide(SettledCall& call);
  void decide(ForgetTokensCall& call);
  void decide(ForgetDepartedCall& call);
  void decide(ChangeCall& call);
  void decide(FoldPieceCall& call);
  void decide(DurableCall&) {}  // done when the commit is written
  void decide(FoldedCall& call);

  /// The batch, complete with its journal row; empty if nothing is to be written.
  rocksdb::WriteBatch& seal();
  /// Whether anybody waits for the batch to be durable.
  [[nodiscard]] bool wants_sync() const { return wantsSync_; }

  void committed();
  void failed();

  std::shared_ptr<const void> take_garbage() { return hot_.take_garbage(); }

 private:
  /// An event's clientMsgId, as it is remembered, and what was stored under it before this commit.
  struct NamedSend {
    SendHash hash;
    Result<std::optional<OriginalSend>> stored = std::optional<OriginalSend>();
  };
  using NamedSends = std::span<const NamedSend>;
  /// Of all events of the batch that have a clientMsgId, in their order: looked for together, which costs a
  /// third of asking for each.
  void find_sends(const std::vector<AppendRequest>& batch);

  AppendResult append(const AppendRequest& request, NamedSends sends);
  void write(const AppendRequest& request, NamedSends sends, HotLog& log);
  void write_effects(const AppendRequest& request);
  void write_change(const ConversationId& log, const MessageChange& change);
  Status tell_timelines(const AppendRequest& request, HotLog& log);
  Status tell_audience(const ConversationId& id, HotLog& log, const SharedUsers& audience, bool large,
                       TimelinePosition position);
  /// Of something that concerns this user alone.
  Status tell_user(const UserId& user, const ConversationId& id, bool hides = false);
  Status tell_receipt(const CursorUpdate& update);
  /// The rows of the events whose content is emptied, as they will stand there.
  Status read_erased(const AppendRequest& request);
  [[nodiscard]] Result<std::optional<OriginalSend>> original_of(NamedSends sends) const;
  Result<Preferences> preferences_of(const std::string& key);
  Result<HotLog*> hot(const ConversationId& id);
  void raise_cursor(const std::string& key, const Cursor& cursor, bool whole);
  void reset();

  Result<std::optional<std::string>> get(std::string_view key) override;
  void put(std::string key, std::string value) override;
  void erase(std::string key) override;
  Result<std::uint64_t> count(const std::string& from, const std::string& end) override;

  Database& database_;
  Journal& journal_;
  HotLogs hot_;
  Timelines timelines_;
  rocksdb::WriteBatch batch_;
  bool wantsSync_ = false;

  absl::flat_hash_map<SendHash, OriginalSend> sends_;
  absl::flat_hash_map<std::string, HeldCursor> cursors_;
  absl::flat_hash_map<std::string, std::optional<std::string>> directory_;
  absl::flat_hash_map<std::string, Preferences> preferences_;
  std::vector<NamedSend> named_;  ///< of the call at hand
  JournalRow row_;
  std::vector<std::pair<std::string, std::string>> erased_;  ///< of the request at hand: key, value
  std::uint64_t foldedRow_ = 0;
  std::string key_;
  std::string value_;
};

}  // namespace chatcore::rocks
