#include <doctest/doctest.h>

#include "engine/client_session.hpp"
#include "engine/conversation.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

int taken(TokenBucket& bucket, std::uint32_t perSecond, std::int64_t at, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += bucket.take(perSecond, at) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a new token bucket holds two seconds' worth, and refills by time up to that") {
  TokenBucket bucket;
  CHECK(taken(bucket, 50, 1'000, 200) == 100);
  CHECK(taken(bucket, 50, 1'000, 10) == 0);
  CHECK(taken(bucket, 50, 1'100, 10) == 5);
  CHECK(taken(bucket, 50, 1'119, 10) == 0);
  CHECK(taken(bucket, 50, 1'121, 10) == 1);
  CHECK(taken(bucket, 50, 900'000, 500) == 100);
}

TEST_CASE("asking often and in vain does not keep a bucket from filling") {
  TokenBucket bucket;
  CHECK(taken(bucket, 1, 0, 5) == 2);
  int count = 0;
  for (std::int64_t at = 1; at <= 10'001; ++at) count += taken(bucket, 1, at, 1);
  CHECK(count >= 9);
  CHECK(count <= 10);
}

TEST_CASE("unread counts begin after the last of: read, sent, joined") {
  struct Row {
    std::uint64_t head, read, sent, join, unread;
  };
  for (const Row& row :
       {Row{0, 0, 0, 0, 0}, Row{10, 0, 0, 0, 10}, Row{10, 4, 0, 0, 6}, Row{10, 4, 7, 0, 3},
        Row{10, 4, 7, 9, 1}, Row{10, 10, 7, 9, 0}, Row{10, 0, 0, 10, 0}, Row{10, 12, 0, 0, 0}}) {
    Cursor cursor;
    cursor.readOrdinal = row.read;
    cursor.sentOrdinal = row.sent;
    CAPTURE(row.head);
    CAPTURE(row.read);
    CAPTURE(row.sent);
    CAPTURE(row.join);
    CHECK(unread_of(row.head, cursor, row.join) == row.unread);
  }
}
