#include <doctest/doctest.h>

#include "engine/conversation.hpp"

using namespace chatcore;
using namespace chatcore::engine;

TEST_CASE("unread counts begin after the last of: read, sent, cleared, joined") {
  struct Row {
    std::uint64_t head, read, sent, cleared, join, unread;
  };
  for (const Row& row : {Row{0, 0, 0, 0, 0, 0}, Row{10, 0, 0, 0, 0, 10}, Row{10, 4, 0, 0, 0, 6},
                         Row{10, 4, 7, 0, 0, 3}, Row{10, 4, 7, 8, 0, 2}, Row{10, 4, 7, 8, 9, 1},
                         Row{10, 10, 7, 8, 9, 0}, Row{10, 0, 0, 0, 10, 0}, Row{10, 12, 0, 0, 0, 0}}) {
    Cursor cursor;
    cursor.readOrdinal = row.read;
    cursor.sentOrdinal = row.sent;
    cursor.clearedOrdinal = row.cleared;
    CAPTURE(row.head);
    CAPTURE(row.read);
    CAPTURE(row.sent);
    CAPTURE(row.cleared);
    CAPTURE(row.join);
    CHECK(unread_of(row.head, cursor, row.join) == row.unread);
  }
}
