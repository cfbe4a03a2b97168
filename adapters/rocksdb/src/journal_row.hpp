#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chatcore/ports/log_store.hpp"
#include "send_hash.hpp"

namespace chatcore::rocks {

/// A cursor in memory; `whole`: it already contains what its column family holds.
struct HeldCursor {
  Cursor cursor;
  bool whole = false;
};

/// What one commit remembers in one row: its sends, and the cursors it moved (by the key of their row).
struct JournalRow {
  std::vector<std::pair<SendHash, OriginalSend>> sends;
  std::vector<std::pair<std::string, HeldCursor>> cursors;

  [[nodiscard]] bool empty() const { return sends.empty() && cursors.empty(); }
  void clear() {
    sends.clear();
    cursors.clear();
  }
};

void encode_journal_row(std::string_view key, const JournalRow& row, std::string& value);
[[nodiscard]] bool decode_journal_row(std::string_view key, std::string_view value, JournalRow& row);

}  // namespace chatcore::rocks
