#pragma once

#include "database.hpp"

namespace chatcore::rocks {

struct LogHead {
  Term term = 0;
  Seq head = 0;
};

/// A log's term and head, with one lookup if there is no such log and one seek more if there is.
[[nodiscard]] Result<LogHead> read_log_head(Database& database, const ConversationId& id);

}  // namespace chatcore::rocks
