#include <doctest/doctest.h>

#include "plan_fixture.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

using Pins = std::vector<PinnedMessage>;

/// bob's message 6, which everybody sees but eve.
FoundMessage bobs() {
  FoundMessage found;
  found.event.seq = found.view.state.seq = 6;
  found.event.messageId = 77;
  found.event.ordinal = 4;
  found.event.senderId = "bob";
  found.event.timestamp = kNow - 1'000;
  return found;
}

Result<Plan> act(const Conversation& conversation, std::string user, Action action,
                 const std::optional<FoundMessage>& target = bobs()) {
  EventCommand made = command(std::move(user), std::move(action));
  if (target) made.target = std::make_unique<FoundMessage>(*target);
  return make_plan(conversation, made, EngineOptions{}, kNow);
}

std::string verdict(const Result<Plan>& made) {
  return made ? "ok" : std::string(to_string(made.error().code));
}

Conversation with(Conversation conversation, Pins pins) {
  conversation.info.pins = std::move(pins);
  return conversation;
}

/// What is pinned afterwards; nullopt: nothing is written about it.
std::optional<Pins> pins_of(const Result<Plan>& made) {
  REQUIRE(made);
  if (!made->effects.info) return std::nullopt;
  return made->effects.info->pins;
}

const PinMessage kAdd{77, true};
const PinMessage kRemove{77, false};

}  // namespace

TEST_CASE("who may pin a message and remove it") {
  Conversation open = a_group();
  open.info.settings.permissions.pin = Permission::everyone;
  struct Row {
    const char* user;
    const char *byAdmins, *byEveryone, *remove;
  };
  for (const Row& row : {Row{"ann", "ok", "ok", "ok"}, Row{"abe", "ok", "ok", "ok"},
                         Row{"bob", "forbidden", "ok", "ok"}, Row{"eve", "forbidden", "not_found", "ok"},
                         Row{"mallory", "not_a_member", "not_a_member", "not_a_member"}}) {
    CAPTURE(row.user);
    CHECK(verdict(act(a_group(), row.user, kAdd)) == row.byAdmins);
    CHECK(verdict(act(open, row.user, kAdd)) == row.byEveryone);
    CHECK(verdict(act(open, row.user, kRemove, std::nullopt)) == row.remove);
  }
  CHECK(verdict(act(a_group(), "bob", kRemove, std::nullopt)) == "forbidden");
  for (const char* user : {"ann", "bob"}) CHECK(verdict(act(a_direct(), user, kAdd)) == "ok");
  CHECK(verdict(act(a_direct(), "mallory", kAdd)) == "not_a_member");
  CHECK(verdict(act(nothing_yet(), "ann", kAdd)) == "not_a_member");
}

TEST_CASE("a pin is an event of the conversation that says what it pins") {
  const auto made = act(a_group(), "ann", kAdd);
  CHECK(pins_of(made) == Pins{{77, 6, 0}});
  CHECK(made->event.kind == EventKind::conversation);
  CHECK(made->event.content == R"("by":"ann","pinnedMessage":{"op":"add","messageId":"77","seq":6})");
  CHECK(made->effects.info->name == "Family");
  CHECK_FALSE(made->changesMembers);
}

TEST_CASE("pins keep their order, and what changes nothing is an event all the same") {
  const Pins three{{55, 4, 0}, {77, 6, 0}, {33, 2, 0}};
  CHECK(pins_of(act(with(a_group(), {{55, 4, 0}}), "ann", kAdd)) == Pins{{55, 4, 0}, {77, 6, 0}});
  CHECK(pins_of(act(with(a_group(), three), "ann", kAdd)) == std::nullopt);
  CHECK(pins_of(act(with(a_group(), three), "ann", kRemove, std::nullopt)) == Pins{{55, 4, 0}, {33, 2, 0}});
  const auto nothing = act(a_group(), "ann", kRemove, std::nullopt);
  CHECK(pins_of(nothing) == std::nullopt);
  CHECK(nothing->event.content == R"("by":"ann","pinnedMessage":{"op":"remove","messageId":"77"})");
}

TEST_CASE("there are so many pins and no more, but for those that have expired") {
  Pins full;
  for (Seq seq = 100; full.size() < kMaxPinnedMessages; ++seq) full.push_back({seq, seq, kNow + 1});
  CHECK(verdict(act(with(a_group(), full), "ann", kAdd)) == "too_large");
  full[3].expiresAt = kNow;
  const auto made = pins_of(act(with(a_group(), full), "ann", kAdd));
  REQUIRE(made);
  CHECK(made->size() == kMaxPinnedMessages);
  CHECK(made->back() == PinnedMessage{77, 6, 0});
  CHECK((*made)[3].seq == 104);
}

TEST_CASE("what is deleted or has expired, is hidden, or is no message, cannot be pinned") {
  FoundMessage deleted = bobs();
  deleted.view.state.deletedAt = kNow;
  FoundMessage gone = bobs();
  gone.event.expiresAt = kNow;
  FoundMessage hidden = bobs();
  hidden.hidden = true;
  FoundMessage change = bobs();
  change.event.kind = EventKind::edit;
  for (const auto& target : {std::optional(deleted), std::optional(gone), std::optional(hidden),
                             std::optional(change), std::optional<FoundMessage>()})
    CHECK(verdict(act(a_group(), "ann", kAdd, target)) == "not_found");
}

TEST_CASE("a pin ends with its message") {
  FoundMessage brief = bobs();
  brief.event.expiresAt = kNow + 5'000;
  const auto made = act(a_group(), "ann", kAdd, brief);
  CHECK(pins_of(made) == Pins{{77, 6, kNow + 5'000}});
  CHECK(made->event.expiresAt == kNow + 5'000);
  const auto removed = act(with(a_group(), {{77, 6, kNow + 5'000}}), "ann", kRemove, std::nullopt);
  CHECK(removed->event.expiresAt == kNow + 5'000);
}

TEST_CASE("a message that is deleted for everyone is pinned no longer") {
  const Pins two{{55, 4, 0}, {77, 6, 0}};
  CHECK(pins_of(act(with(a_group(), two), "bob", DeleteMessage{77})) == Pins{{55, 4, 0}});
  CHECK(pins_of(act(with(a_group(), {{55, 4, 0}}), "bob", DeleteMessage{77})) == std::nullopt);
}

TEST_CASE("who blocks the other side pins nothing, and who is blocked nothing that the other hears of") {
  Conversation blocks = with(a_direct(), {{55, 2, 0}});
  blocks.firstBlocksSecond = true;
  CHECK(verdict(act(blocks, "ann", kAdd)) == "blocked");
  CHECK(verdict(act(blocks, "ann", kRemove, std::nullopt)) == "blocked");
  for (const PinMessage& pin : {kAdd, PinMessage{55, false}}) {
    const auto kept = act(blocks, "bob", pin);
    CHECK(pins_of(kept) == std::nullopt);
    CHECK(kept->event.hiddenFromOthers);
  }
  // What bob wrote while he was blocked is his alone.
  FoundMessage his = bobs();
  his.event.hiddenFromOthers = true;
  const auto kept = act(a_direct(), "bob", kAdd, his);
  CHECK(pins_of(kept) == std::nullopt);
  CHECK(kept->event.hiddenFromOthers);
}
