#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

std::vector<Seq> seqs(const EventRange& range) {
  std::vector<Seq> all;
  for (const EventView& event : range.events) all.push_back(event.seq);
  return all;
}

void an_unknown_log_reads_as_an_empty_one(Subject& s) {
  const EventRange range = s.read({.log = "nowhere", .to = 100});
  expect(range.events.empty() && !range.more, "an empty log");
  expect(s.members_of("nowhere").empty(), "no members");
}

void ranges_are_inclusive_and_clamped(Subject& s) {
  // Neighbours in any sensible key order: their events must not leak in.
  fill(s, "lo", 3);
  fill(s, "log", 10);
  fill(s, "log.", 3);
  fill(s, "logs", 3);
  struct Row {
    Seq from, to;
    bool newestFirst;
    std::vector<Seq> want;
  };
  const std::vector<Row> table = {
      {3, 5, false, {3, 4, 5}}, {3, 5, true, {5, 4, 3}},
      {9, 99, false, {9, 10}},  {9, UINT64_MAX, true, {10, 9}},
      {1, 1, false, {1}},       {1, 1, true, {1}},
      {10, 10, true, {10}},     {11, 99, false, {}},
      {11, 99, true, {}},       {5, 4, false, {}},
      {5, 4, true, {}},         {1, 0, false, {}},
      {0, 2, false, {1, 2}},    {0, 2, true, {2, 1}},
  };
  for (const Row& row : table) {
    const EventRange range =
        s.read({.log = "log", .from = row.from, .to = row.to, .newestFirst = row.newestFirst});
    expect(seqs(range) == row.want && !range.more, "the range " + std::to_string(row.from) + ".." +
                                                       std::to_string(row.to) +
                                                       (row.newestFirst ? " newest first" : " oldest first"));
  }
}

void a_long_log_is_read_from_wherever_its_end_is(Subject& s) {
  fill(s, "log", 150);
  fill(s, "logs", 1);
  for (const Seq to : {149, 150, 151, 200, 214, 215, 100'000}) {
    for (const std::uint32_t most : {1, 50, 64, 65, 1000}) {
      for (const Seq from : {1, 87, 150}) {
        const Seq newest = std::min<Seq>(to, 150);
        const Seq size = from > newest ? 0 : std::min<Seq>(most, newest - from + 1);
        const EventRange range =
            s.read({.log = "log", .from = from, .to = to, .newestFirst = true, .maxEvents = most});
        bool descends = range.events.size() == size;
        for (Seq i = 0; descends && i < size; ++i) descends = range.events[i].seq == newest - i;
        expect(descends && range.more == (from <= newest && newest - from + 1 > most),
               "from " + std::to_string(to) + " down to " + std::to_string(from) + ", at most " +
                   std::to_string(most));
      }
    }
  }
}

void limits_cut_and_say_so(Subject& s) {
  fill(s, "log", 10);
  EventRange range = s.read({.log = "log", .from = 2, .to = 9, .maxEvents = 3});
  expect(seqs(range) == std::vector<Seq>{2, 3, 4} && range.more, "the oldest three and more");
  range = s.read({.log = "log", .from = 2, .to = 9, .newestFirst = true, .maxEvents = 3});
  expect(seqs(range) == std::vector<Seq>{9, 8, 7} && range.more, "the newest three and more");
  range = s.read({.log = "log", .from = 2, .to = 9, .maxEvents = 8});
  expect(range.events.size() == 8 && !range.more, "an exact fit is not cut");
}

void bytes_are_limited_but_one_event_always_comes(Subject& s) {
  AppendRequest big = append_of("log", 0, 8);
  for (Event& event : big.events) event.content = std::string(10'000, 'x');
  s.append(big);
  for (bool newestFirst : {false, true}) {
    EventRange range = s.read({.log = "log", .to = 8, .newestFirst = newestFirst, .maxBytes = 35'000});
    expect(!range.events.empty() && range.events.size() <= 3 && range.more,
           "at most three of 10 kB in 35 kB");
    range = s.read({.log = "log", .to = 8, .newestFirst = newestFirst, .maxBytes = 1});
    expect(range.events.size() == 1 && range.more, "one event all the same");
  }
}

void a_page_walk_meets_every_event_once(Subject& s) {
  fill(s, "log", 50);
  for (std::uint32_t page : {1U, 7U, 50U}) {
    Seq next = 1;
    while (next <= 50) {
      const EventRange range = s.read({.log = "log", .from = next, .to = 1000, .maxEvents = page});
      expect(!range.events.empty() && range.events.front().seq == next, "the next page");
      next = range.events.back().seq + 1;
      expect(range.more == (next <= 50), "more until the end");
    }
    Seq last = 50;
    while (last >= 1) {
      const EventRange range = s.read({.log = "log", .to = last, .newestFirst = true, .maxEvents = page});
      expect(!range.events.empty() && range.events.front().seq == last, "the page before");
      last = range.events.back().seq - 1;
      expect(range.more == (last >= 1), "more until the beginning");
    }
  }
}

void many_reads_in_one_batch(Subject& s) {
  fill(s, "a", 3);
  fill(s, "b", 2);
  const auto answers = s.read(std::vector<ReadRequest>{
      {.log = "b", .to = 9}, {.log = "none", .to = 9}, {.log = "a", .from = 2, .to = 9}});
  expect(seqs(*answers[0]) == std::vector<Seq>{1, 2}, "the first");
  expect(answers[1]->events.empty(), "the second");
  expect(seqs(*answers[2]) == std::vector<Seq>{2, 3}, "the third");
}

void members_are_paged(Subject& s) {
  std::vector<UserId> users;
  for (char c = 'a'; c <= 'z'; ++c) users.push_back(std::string("u") + c);
  s.append(group_of("g", users));
  s.append(group_of("g.", {"zz"}));
  std::vector<UserId> walked;
  for (UserId after;;) {
    const auto page = s.members({"g", after, 10});
    expect(page.size() <= 10, "at most the limit");
    if (page.empty()) break;
    for (const Member& member : page) walked.push_back(member.userId);
    after = page.back().userId;
  }
  expect(walked == users, "every member once, ascending");
}

void batches_may_be_empty(Subject& s) {
  expect(s.append(std::vector<AppendRequest>{}).empty(), "no appends");
  expect(s.claim(std::vector<ClaimRequest>{}).empty(), "no claims");
  expect(s.read(std::vector<ReadRequest>{}).empty(), "no reads");
}

}  // namespace

std::vector<ConformanceCase> read_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("an unknown log reads as an empty one", an_unknown_log_reads_as_an_empty_one),
      one("ranges are inclusive and clamped to the head", ranges_are_inclusive_and_clamped),
      one("a long log is read from wherever its end is", a_long_log_is_read_from_wherever_its_end_is),
      one("maxEvents cuts and says so", limits_cut_and_say_so),
      one("maxBytes cuts but one event always comes", bytes_are_limited_but_one_event_always_comes),
      one("a walk by pages meets every event once, both ways", a_page_walk_meets_every_event_once),
      one("many reads in one batch are answered in order", many_reads_in_one_batch),
      one("members are paged by userId", members_are_paged),
      one("empty batches are answered", batches_may_be_empty),
  };
}

}  // namespace chatcore::testing::log_store_cases
