#include "chatcore/model/timeline.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

using namespace chatcore;

namespace {

TimelineRow row_with(std::initializer_list<TimelineCheckpoint> changes) {
  TimelineRow row;
  for (const auto& [position, head] : changes) row.note({.head = head}, position);
  return row;
}

}  // namespace

TEST_CASE("a timeline's row knows the head of every position it was noted after") {
  const TimelineRow row = row_with({{10, 3}, {20, 7}, {30, 7}});
  const std::map<TimelinePosition, std::optional<Seq>> expected{
      {0, 3}, {9, 3}, {10, 7}, {19, 7}, {20, 7}, {29, 7}, {30, std::nullopt}, {99, std::nullopt}};
  for (const auto& [position, head] : expected) {
    CAPTURE(position);
    CHECK(row.head_at(position) == head);
  }
}

TEST_CASE("a row that is full tells more than is new, never less, and little more of what is recent") {
  std::mt19937_64 random(7);
  double worst = 0;
  for (int run = 0; run < 200; ++run) {
    TimelineRow row;
    std::map<TimelinePosition, Seq> truth;  // position given -> head then
    Seq head = random() % 50;
    for (TimelinePosition position = 10; position <= 1000; position += 10) {
      truth[position - 5] = head;
      row.note({.head = head}, position);
      head += random() % 20 + 1;
    }
    CHECK(row.checkpoints().size() <= TimelineRow::kMaxCheckpoints);
    for (const auto& [position, known] : truth) {
      const auto told = row.head_at(position);
      REQUIRE(told.has_value());
      CHECK(*told <= known);
      // A fraction of what is new, but for what a few changes bring.
      worst = std::max(worst, static_cast<double>(head - *told) / static_cast<double>(head - known + 30));
    }
    CHECK(row.head_at(995) == truth[995]);
  }
  CAPTURE(worst);
  CHECK(worst < 5);
}

TEST_CASE("a change is covered by another since the last position given, of its own kind") {
  TimelineRow row;
  CHECK_FALSE(row.summary().covers({}, 0));
  row.note({.head = 1}, 10);
  CHECK(row.summary().covers({.head = 5}, 9));
  CHECK_FALSE(row.summary().covers({.head = 5}, 10));
  CHECK_FALSE(row.summary().covers({.head = 5, .hides = true}, 9));
  CHECK_FALSE(row.summary().covers({.head = 5, .large = true}, 9));
  row.note({.head = 5, .large = true, .hides = true}, 20);
  CHECK(row.summary().covers({.head = 6, .large = true, .hides = true}, 19));
  CHECK_FALSE(row.summary().covers({.head = 6, .large = false}, 19));
}

TEST_CASE("who continues from while a group was large must say itself what is known, or is told everything") {
  TimelineRow row = row_with({{10, 3}});
  row.note({.head = 5, .large = true}, 20);
  REQUIRE(row.entry(15));
  CHECK(row.entry(15)->seen == 5);
  row.note({.head = 50}, 30);  // something of one's own
  REQUIRE(row.entry(25));
  CHECK(row.entry(25)->changed);
  CHECK_FALSE(row.entry(25)->seen);
  REQUIRE(row.entry(30));
  CHECK_FALSE(row.entry(30)->changed);
  row.note({.head = 90, .large = false}, 40);
  CHECK(row.entry(25)->seen == 0);
  CHECK(row.entry(15)->seen == 0);
  CHECK_FALSE(row.entry(40));
}

TEST_CASE("a section of the account has an id that is no conversation's") {
  for (std::size_t i = 0; i < kAccountSections; ++i) {
    const auto section = static_cast<AccountSection>(i);
    const ConversationId id = timeline_id(section);
    CHECK(reserved_conversation_id(id));
    CHECK(account_section_of(id) == section);
  }
  CHECK(timeline_id(AccountSection::contacts) == "sys.contacts");
  for (const char* id : {"contacts", "sys.", "sys.contact", "sys.contacts2", "dm.contacts", ""})
    CHECK_FALSE(account_section_of(id));
}

TEST_CASE("of departed conversations the newest thousand are kept") {
  std::vector<TimelinePosition> ends;
  for (TimelinePosition position = 1; position <= kMaxDepartedKept; ++position) ends.push_back(position * 7);
  CHECK(departed_to_forget(ends) == 0);
  ends.insert(ends.begin(), {9'001, 9'002});
  CHECK(departed_to_forget(ends) == 2 * 7);
}

TEST_CASE("only checkpoints that ascend are restored") {
  TimelineRow row;
  CHECK(row.restore({{1, 5}, {2, 5}, {3, 6}}));
  CHECK_FALSE(row.restore({{1, 5}, {1, 6}}));
  CHECK_FALSE(row.restore({{1, 5}, {2, 4}}));
  CHECK_FALSE(row.restore(std::vector<TimelineCheckpoint>(9)));
}
