#include "chatcore/testing/directory_conformance.hpp"

#include "chatcore/testing/test_executor.hpp"

namespace chatcore::testing {

DirectoryFixture::~DirectoryFixture() = default;

namespace {

using MakeFixture = std::function<std::unique_ptr<DirectoryFixture>()>;

/// A directory whose calls wait for their answers.
class Subject {
 public:
  explicit Subject(const MakeFixture& make) : fixture_(make()) {}

  bool reopen() { return fixture_->reopen(); }

  void put_user(User user) {
    change([&](Executor& e, auto done) { directory().put_user(std::move(user), e, std::move(done)); });
  }
  void put_device(Device device) {
    change([&](Executor& e, auto done) { directory().put_device(std::move(device), e, std::move(done)); });
  }
  void remove_device(UserId user, DeviceId device) {
    change([&](Executor& e, auto done) { directory().remove_device(user, device, e, std::move(done)); });
  }
  void drop_tokens(std::vector<std::string> tokens) {
    change([&](Executor& e, auto done) { directory().drop_push_tokens(tokens, e, std::move(done)); });
  }
  void set_block(UserId by, UserId whom, bool on) {
    change([&](Executor& e, auto done) { directory().set_block(by, whom, on, e, std::move(done)); });
  }
  Status try_set_blocks(UserId by, std::vector<UserId> whom, bool on = true) {
    return executor_.wait<Status>(
        [&](Executor& e, auto done) { directory().set_blocks(by, whom, on, e, std::move(done)); });
  }
  Status try_set_contacts(UserId of, std::vector<UserId> whom, bool on = true) {
    return executor_.wait<Status>(
        [&](Executor& e, auto done) { directory().set_contacts(of, whom, on, e, std::move(done)); });
  }
  std::vector<UserId> blocks_of(UsersRequest request) {
    return users_page([&](Executor& e, auto done) { directory().blocks_of({request}, e, std::move(done)); });
  }
  std::vector<UserId> contacts_of(UsersRequest request) {
    return users_page(
        [&](Executor& e, auto done) { directory().contacts_of({request}, e, std::move(done)); });
  }
  void set_contact(UserId of, UserId whom, bool on) {
    change([&](Executor& e, auto done) { directory().set_contact(of, whom, on, e, std::move(done)); });
  }
  void set_last_seen(UserId user, Timestamp at) {
    change([&](Executor& e, auto done) { directory().set_last_seen(user, at, e, std::move(done)); });
  }
  Status try_put_user(User user) {
    return executor_.wait<Status>(
        [&](Executor& e, auto done) { directory().put_user(std::move(user), e, std::move(done)); });
  }
  Status try_put_device(Device device) {
    return executor_.wait<Status>(
        [&](Executor& e, auto done) { directory().put_device(std::move(device), e, std::move(done)); });
  }
  std::vector<Result<User>> users(std::vector<UserId> ids) {
    return batch<Result<User>>([&](Executor& e, auto done) { directory().users(ids, e, std::move(done)); });
  }
  std::vector<Device> devices(const UserId& user) {
    auto answers = batch<Result<std::vector<Device>>>(
        [&](Executor& e, auto done) { directory().devices({user}, e, std::move(done)); });
    expect(answers.size() == 1 && answers[0].has_value(), "the user's devices");
    return std::move(*answers[0]);
  }
  BlockState blocks(const UserId& a, const UserId& b) {
    auto answers = batch<Result<BlockState>>(
        [&](Executor& e, auto done) { directory().blocks({{a, b}}, e, std::move(done)); });
    expect(answers.size() == 1 && answers[0].has_value(), "one answer");
    return *answers[0];
  }
  bool contact(const UserId& a, const UserId& b) {
    auto answers = batch<Result<bool>>(
        [&](Executor& e, auto done) { directory().contacts({{a, b}}, e, std::move(done)); });
    expect(answers.size() == 1 && answers[0].has_value(), "one answer");
    return *answers[0];
  }
  Timestamp last_seen(const UserId& user) {
    auto answers = batch<Result<Timestamp>>(
        [&](Executor& e, auto done) { directory().last_seen({user}, e, std::move(done)); });
    expect(answers.size() == 1 && answers[0].has_value(), "one answer");
    return *answers[0];
  }

 private:
  Directory& directory() { return fixture_->directory(); }
  template <class Start>
  void change(Start start) {
    const Status status = executor_.wait<Status>(start);
    expect(status.has_value(), "the change to be taken");
  }
  template <class Start>
  std::vector<UserId> users_page(Start start) {
    auto answers = batch<Result<std::vector<UserId>>>(start);
    expect(answers.size() == 1 && answers[0].has_value(), "one page");
    return std::move(*answers[0]);
  }
  template <class Answer, class Start>
  std::vector<Answer> batch(Start start) {
    return executor_.wait<std::vector<Answer>>(start);
  }

  std::unique_ptr<DirectoryFixture> fixture_;
  TestExecutor executor_;
};

Device device(const UserId& user, const DeviceId& id, const std::string& token, Timestamp lastActive = 1) {
  return Device{user, id, "android", token, lastActive};
}

void users_come_back(Subject& s) {
  s.put_user({"alice", "Alice", Audience::contacts, Audience::nobody});
  s.put_user({"bob", "Bob"});
  const auto found = s.users({"bob", "not an id", "alice"});
  expect(found.size() == 3 && found[0].has_value() && found[0]->displayName == "Bob", "bob");
  expect(!found[1].has_value() && found[1].error().code == ErrorCode::not_found, "not_found");
  expect(found[2]->userId == "alice" && found[2]->displayName == "Alice" &&
             found[2]->lastSeenAudience == Audience::contacts && found[2]->onlineAudience == Audience::nobody,
         "alice with every field");
  expect(found[0]->readReceipts && found[2]->readReceipts, "read receipts shown unless said otherwise");
  s.put_user({"alice", "Alice", Audience::contacts, Audience::nobody, false});
  expect(!s.users({"alice"})[0]->readReceipts, "read receipts hidden");
  s.put_user({"alice", "Alicia"});
  expect(s.users({"alice"})[0]->readReceipts, "and shown again");
  expect(s.users({"alice"})[0]->displayName == "Alicia", "the new name");
  expect(!s.try_put_user({"not an id", ""}).has_value(), "no user without an id");
}

void devices_come_and_go(Subject& s) {
  s.put_user({"alice", ""});
  s.put_user({"al", ""});
  s.put_device(device("alice", "phone", "token", 7));
  s.put_device(device("alice", "laptop", ""));
  s.put_device(device("al", "icephone", ""));
  auto all = s.devices("alice");
  expect(all.size() == 2 && s.devices("al").size() == 1 && s.devices("nobody").empty(), "each user's own");
  const Device& phone = all[all[0].deviceId == "phone" ? 0 : 1];
  expect(phone.userId == "alice" && phone.platform == "android" && phone.pushToken == "token" &&
             phone.lastActive == 7,
         "every field");
  s.remove_device("alice", "phone");
  s.remove_device("alice", "none");
  all = s.devices("alice");
  expect(all.size() == 1 && all[0].deviceId == "laptop", "the laptop alone");
}

void an_empty_token_keeps_the_known_one(Subject& s) {
  s.put_user({"alice", ""});
  s.put_device(device("alice", "phone", "token", 1));
  s.put_device(device("alice", "phone", "", 2));
  expect(s.devices("alice")[0].pushToken == "token" && s.devices("alice")[0].lastActive == 2,
         "the known token");
  s.put_device(device("alice", "phone", "newer", 3));
  expect(s.devices("alice")[0].pushToken == "newer", "the new token");
}

void what_is_not_said_of_a_device_is_kept(Subject& s) {
  s.put_user({"alice", ""});
  s.put_device({"alice", "phone", "ios", "", 5});
  expect(s.devices("alice")[0].registeredAt == 5, "registered when it was active");
  s.put_device({"alice", "phone", "", "", 9});
  const Device active = s.devices("alice")[0];
  expect(active.platform == "ios" && active.lastActive == 9 && active.registeredAt == 5, "as it was");
  s.put_device({"alice", "tablet", "web", "", 9, 7});
  for (const Device& known : s.devices("alice"))
    expect(known.registeredAt == (known.deviceId == "tablet" ? 7 : 5), "each its own time");
}

void devices_are_bounded(Subject& s) {
  s.put_user({"alice", ""});
  for (int i = 0; i < 32; ++i) s.put_device(device("alice", "d" + std::to_string(i), ""));
  const Status over = s.try_put_device(device("alice", "d32", ""));
  expect(!over.has_value() && over.error().code == ErrorCode::overloaded, "no 33rd");
  s.put_device(device("alice", "d31", "t"));
}

void dead_tokens_are_forgotten(Subject& s) {
  s.put_user({"alice", ""});
  s.put_user({"bob", ""});
  s.put_device(device("alice", "phone", "dead"));
  s.put_device(device("bob", "phone", "alive"));
  s.put_device(device("bob", "tablet", "dying"));
  s.put_device(device("bob", "tablet", "renewed"));
  s.drop_tokens({"dead", "dying", "unknown", ""});
  expect(s.devices("alice").size() == 1 && s.devices("alice")[0].pushToken.empty(),
         "the token gone, not the device");
  const auto bobs = s.devices("bob");
  expect(bobs[0].pushToken == "alive" && bobs[1].pushToken == "renewed", "no other token");
}

void blocks_have_a_direction(Subject& s) {
  s.put_user({"alice", ""});
  s.put_user({"bob", ""});
  expect(!s.blocks("alice", "bob").any(), "none at first");
  s.set_block("alice", "bob", true);
  expect(s.blocks("alice", "bob").aBlocksB && !s.blocks("alice", "bob").bBlocksA, "alice blocks bob");
  expect(!s.blocks("bob", "alice").aBlocksB && s.blocks("bob", "alice").bBlocksA, "seen from bob");
  s.set_block("alice", "bob", true);
  s.set_block("alice", "bob", false);
  expect(!s.blocks("alice", "bob").any(), "unblocked");
}

void contacts_have_a_direction(Subject& s) {
  s.put_user({"alice", ""});
  s.put_user({"bob", ""});
  s.set_contact("alice", "bob", true);
  expect(s.contact("alice", "bob") && !s.contact("bob", "alice"), "bob in alice's contacts only");
  expect(!s.blocks("alice", "bob").any(), "a contact is no block");
  s.set_contact("alice", "bob", false);
  expect(!s.contact("alice", "bob"), "removed");
}

using Users = std::vector<UserId>;

Users numbered(std::size_t from, std::size_t to) {
  Users users;
  for (std::size_t i = from; i < to; ++i) users.push_back("u" + std::to_string(100'000 + i));
  return users;
}

void lists_are_paged_by_id(Subject& s) {
  expect(s.contacts_of({"alice", "", 10}).empty() && s.blocks_of({"alice", "", 10}).empty(), "none at first");
  expect(s.try_set_contacts("alice", {"dave", "bob", "carol", "bob"}).has_value(), "several at once");
  expect(s.try_set_blocks("alice", {"mallory"}).has_value(), "a list of its own");
  s.set_contact("al", "icebob", true);
  s.set_contact("alicea", "zoe", true);
  expect(s.contacts_of({"alice", "", 10}) == Users{"bob", "carol", "dave"}, "each once, ascending");
  expect(s.contacts_of({"alice", "", 2}) == Users{"bob", "carol"}, "no more than asked for");
  expect(s.contacts_of({"alice", "carol", 2}) == Users{"dave"}, "those behind the last one");
  expect(s.contacts_of({"alice", "bobb", 1}) == Users{"carol"}, "behind one that is not among them");
  expect(s.blocks_of({"alice", "", 10}) == Users{"mallory"}, "blocks apart from contacts");
  expect(s.try_set_contacts("alice", {"bob", "nobody", "dave"}, false).has_value(), "removed at once");
  expect(s.contacts_of({"alice", "", 10}) == Users{"carol"}, "the rest");
}

void a_list_changes_whole_or_not_at_all(Subject& s) {
  const Status refused = s.try_set_contacts("alice", {"bob", "not an id"});
  expect(!refused.has_value() && refused.error().code == ErrorCode::invalid_argument, "no id");
  expect(!s.try_set_blocks("not an id", {"bob"}).has_value(), "nobody's block");
  expect(s.contacts_of({"alice", "", 10}).empty(), "and nothing changed");
}

void blocks_are_bounded(Subject& s) {
  expect(s.try_set_blocks("alice", numbered(0, kMaxBlocks - 1)).has_value(), "all but one");
  const Status over = s.try_set_blocks("alice", {"bob", "carol"});
  expect(!over.has_value() && over.error().code == ErrorCode::too_large, "not two more");
  expect(!s.blocks("alice", "bob").any(), "and none of them");
  expect(s.try_set_blocks("alice", {"bob", "u100000"}).has_value(), "one more, one is known");
  expect(s.try_set_blocks("alice", {"bob"}).has_value(), "and again");
  expect(!s.try_set_blocks("alice", {"carol"}).has_value(), "no more");
  expect(s.try_set_blocks("alice", {"bob", "carol"}, false).has_value(), "one less");
  expect(s.try_set_blocks("alice", {"carol"}).has_value(), "room again");
  expect(s.try_set_blocks("bob", {"carol"}).has_value(), "everybody has their own");
}

void contacts_are_bounded(Subject& s) {
  for (std::size_t i = 0; i < kMaxContacts; i += 1'000)
    expect(s.try_set_contacts("alice", numbered(i, i + 1'000)).has_value(), "a thousand");
  const Status over = s.try_set_contacts("alice", {"bob"});
  expect(!over.has_value() && over.error().code == ErrorCode::too_large, "no more");
  if (s.reopen()) expect(!s.try_set_contacts("alice", {"bob"}).has_value(), "nor after a restart");
  expect(s.contacts_of({"alice", "u109998", 10}) == Users{"u109999"}, "the last one");
}

void last_seen_is_kept(Subject& s) {
  s.put_user({"alice", ""});
  expect(s.last_seen("alice") == 0, "never seen");
  s.set_last_seen("alice", 1'700'000'000'000);
  expect(s.last_seen("alice") == 1'700'000'000'000 && s.last_seen("alic") == 0, "when seen");
}

void reopening_keeps_everything(Subject& s) {
  s.put_user({"alice", "Alice", Audience::nobody, Audience::contacts});
  s.put_user({"bob", ""});
  s.put_device(device("alice", "phone", "token"));
  s.set_block("alice", "bob", true);
  s.set_contact("bob", "alice", true);
  s.set_last_seen("bob", 42);
  if (!s.reopen()) return;
  expect(s.users({"alice"})[0]->displayName == "Alice", "the user");
  expect(s.devices("alice").size() == 1 && s.devices("alice")[0].pushToken == "token", "the device");
  expect(s.blocks("alice", "bob").aBlocksB && s.contact("bob", "alice") && s.last_seen("bob") == 42,
         "the rest");
  s.drop_tokens({"token"});
  expect(s.devices("alice")[0].pushToken.empty(), "tokens still findable");
}

}  // namespace

std::vector<ConformanceCase> directory_conformance(std::function<std::unique_ptr<DirectoryFixture>()> make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("users come back", users_come_back),
      one("devices come and go", devices_come_and_go),
      one("an empty push token keeps the known one", an_empty_token_keeps_the_known_one),
      one("what is not said of a device is kept", what_is_not_said_of_a_device_is_kept),
      one("a user has at most 32 devices", devices_are_bounded),
      one("dead push tokens are forgotten", dead_tokens_are_forgotten),
      one("blocks have a direction", blocks_have_a_direction),
      one("contacts have a direction", contacts_have_a_direction),
      one("lists of users are paged by id", lists_are_paged_by_id),
      one("a list changes whole or not at all", a_list_changes_whole_or_not_at_all),
      one("a user blocks at most 1,000", blocks_are_bounded),
      one("a user has at most 10,000 contacts", contacts_are_bounded),
      one("when a user was last seen is kept", last_seen_is_kept),
      one("reopening keeps everything", reopening_keeps_everything),
  };
}

}  // namespace chatcore::testing
