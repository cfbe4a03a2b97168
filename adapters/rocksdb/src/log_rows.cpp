#include "log_rows.hpp"

#include "keys.hpp"
#include "values.hpp"

namespace chatcore::rocks {

Result<LogHead> read_log_head(Database& database, const ConversationId& id) {
  LogHead found;
  const std::string termKey = log_key(id, LogPart::term);
  auto term = database.get(Column::logs, termKey);
  if (!term) return std::move(term).error();
  if (!*term) return found;
  if (!decode_number(termKey, **term, found.term))
    return Error{.code = ErrorCode::corrupted, .message = "a log's term is damaged"};

  const std::string lower = owner_prefix(id);
  const rocksdb::Slice bound(lower);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> events(
      database.db().NewIterator(options, database.column(Column::events)));
  std::string last;
  event_key(last, id, UINT64_MAX);
  events->SeekForPrev(last);
  if (!events->Valid()) {
    if (!events->status().ok()) return to_error(events->status());
    return Error{.code = ErrorCode::corrupted, .message = "a log has lost its events"};
  }
  found.head = seq_of_event_key(events->key().ToStringView());
  return found;
}

}  // namespace chatcore::rocks
