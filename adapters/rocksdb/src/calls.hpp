#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chatcore/ports/log_store.hpp"

/// What waits for the committer: the port's writing calls as values, answered once with their commit.
namespace chatcore::rocks {

template <class Request, class Answer>
struct Call {
  std::vector<Request> batch;
  Executor* executor = nullptr;
  Completion<std::vector<Answer>> done;
  std::vector<Answer> answers;
};

using AppendCall = Call<AppendRequest, AppendResult>;
using ClaimCall = Call<ClaimRequest, Result<LogState>>;
using AdvanceCall = Call<CursorUpdate, Result<Cursor>>;
using PreferencesCall = Call<LogStore::PreferencesRequest, Result<Preferences>>;
using HideCall = Call<HideRequest, Status>;
using MarkCall = Call<TimelineMarkRequest, Result<TimelineMark>>;
using TellCall = Call<AccountChange, Status>;

struct SettledCall {
  std::vector<ConversationId> logs;
};

struct ForgetTokensCall {
  std::vector<DeviceKey> devices;
};

/// A reader has found more conversations that this user has left than are to be remembered.
struct ForgetDepartedCall {
  UserId user;
};

/// The directory's rows as a change sees them: what was decided before it in the same commit included.
class DirectoryRows {
 public:
  virtual ~DirectoryRows() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  virtual void put(std::string key, std::string value) = 0;
  virtual void erase(std::string key) = 0;
  /// The rows in [from, end) as they were before this commit.
  virtual Result<std::uint64_t> count(const std::string& from, const std::string& end) = 0;
};

struct ChangeCall {
  UniqueFunction<Status(DirectoryRows&)> change;
  Executor* executor = nullptr;
  Completion<Status> done;
  Status answer;
};

/// Some of the journal's frozen part as rows of the column families `sends` and `cursors`, to be committed
/// like anything else. `done` is told on the committer's thread whether they were.
struct FoldPieceCall {
  using Row = std::pair<std::string, std::string>;
  std::vector<Row> sends;
  std::vector<Row> cursors;
  UniqueFunction<void(bool committed)> done;
};

/// Makes all that was committed before it durable where commits do not. On the committer's thread, because
/// RocksDB 7.8 must not sync a log to which a write has just failed. `done` is told there whether it is.
struct DurableCall {
  UniqueFunction<void(bool durable)> done;
};

/// The background folded the journal's frozen part.
struct FoldedCall {
  std::uint64_t lastRow = 0;
};

using AnyCall = std::variant<AppendCall, ClaimCall, AdvanceCall, PreferencesCall, HideCall, MarkCall,
                             TellCall, SettledCall, ForgetTokensCall, ForgetDepartedCall, ChangeCall,
                             FoldPieceCall, DurableCall, FoldedCall>;

}  // namespace chatcore::rocks
