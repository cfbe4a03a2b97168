#include "chatcore/model/ids.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace chatcore;

TEST_CASE("the partition of an id is what every other implementation of the formula says") {
  const std::pair<std::string_view, std::uint32_t> known[]{
      {"", 961},     {"a", 192},     {"alice", 956},          {"group-1", 305},
      {"dm.x", 747}, {"@-._:", 907}, {"conversation:42", 704}};
  for (const auto& [id, partition] : known) {
    CAPTURE(id);
    CHECK(partition_of(id) == partition);
  }
}

TEST_CASE("ids that count up are spread over the partitions") {
  std::vector<int> hits(kPartitions);
  for (int i = 0; i < 102'400; ++i) ++hits[partition_of("user-" + std::to_string(i))];
  for (int count : hits) {
    CHECK(count > 20);
    CHECK(count < 500);
  }
}

TEST_CASE("a direct conversation's id is the documented hash, whoever is named first") {
  struct Row {
    std::string a, b;
    std::string_view id;
  };
  // Computed with Python's hashlib.blake2b and base64.b32encode.
  const Row rows[]{{"alice", "bob", "dm.4rkyrdy44qd277xwo24rrvhfu7ieyucd"},
                   {"a", "a", "dm.ixlpvyaqw2c5whzw2qbyvs7gurrbmsge"},
                   {"Zoe", "adam", "dm.gtsl4qin7uzzzpboquh7wnjv4x6spyjl"},
                   {std::string(64, 'u'), "v", "dm.ehbthwgynkvqfx7oe3c6ohhtbglxydkh"}};
  for (const Row& row : rows) {
    CHECK(direct_conversation_id(row.a, row.b) == row.id);
    CHECK(direct_conversation_id(row.b, row.a) == row.id);
    CHECK(valid_id(row.id));
    CHECK(reserved_conversation_id(row.id));
  }
  CHECK(direct_conversation_id("ab", "c") != direct_conversation_id("a", "bc"));
}

TEST_CASE("ids are 1 to 64 bytes of a small alphabet") {
  for (const std::string& good : {std::string("a"), std::string(64, 'z'), std::string("A-z0.9_:@")})
    CHECK(valid_id(good));
  for (const std::string& bad :
       {std::string(), std::string(65, 'z'), std::string("a b"), std::string("a/b"), std::string("\xc3\xa4"),
        std::string("a\0b", 3), std::string("a\n"), std::string("[")})
    CHECK_FALSE(valid_id(bad));
}

TEST_CASE("message ids grow whatever the clock does, and say when they were made") {
  constexpr Timestamp kNow = 1'700'000'000'000;
  const MessageId first = next_message_id(0, kNow, 77);
  CHECK(message_id_time(first) == kNow);
  CHECK((first >> 12 & 1023) == 77);
  CHECK((first & 4095) == 0);
  SUBCASE("in the same millisecond they count") { CHECK(next_message_id(first, kNow, 77) == first + 1); }
  SUBCASE("in a later one they begin at 0") {
    CHECK(next_message_id(first + 5, kNow + 1, 77) == first + (1U << 22));
  }
  SUBCASE("when the clock ran back they count on in the last millisecond") {
    CHECK(next_message_id(first, kNow - 5'000, 77) == first + 1);
  }
  SUBCASE("a full counter borrows the next millisecond, same partition") {
    const MessageId next = next_message_id(first + 4095, kNow, 77);
    CHECK(message_id_time(next) == kNow + 1);
    CHECK((next >> 12 & 1023) == 77);
    CHECK((next & 4095) == 0);
    CHECK(next_message_id(next, kNow, 77) == next + 1);
    CHECK(next_message_id(next, kNow + 1, 77) == next + 1);
  }
  SUBCASE("a clock before the epoch is the epoch") {
    CHECK(message_id_time(next_message_id(0, 5, 77)) == 1'577'836'800'000);
  }
}

TEST_CASE("message ids of one conversation never repeat over a storm with a clock that jumps") {
  MessageId last = 0;
  Timestamp now = 1'700'000'000'000;
  for (int i = 0; i < 50'000; ++i) {
    if (i % 1'000 == 0) now += i % 3'000 == 0 ? -40 : 13;
    const MessageId next = next_message_id(last, now, 1023);
    REQUIRE(next > last);
    REQUIRE((next >> 12 & 1023) == 1023);
    last = next;
  }
}
