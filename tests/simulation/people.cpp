#include "simulation.hpp"

namespace chatcore::simulation {

void Simulation::act() {
  SimulatedDevice& device = *people_.pick(devices_);
  if (!device.running()) return device.come_back();
  const std::size_t dice = people_.index(100);
  if (dice < 32) {
    const UserId& to = someone();
    if (to == device.user()) return;
    const ConversationId id = direct_conversation_id(device.user(), to);
    const bool byId = world_.truth.find(id) != nullptr && people_.percent(50);
    for (std::int64_t burst = people_.percent(20) ? people_.between(2, 6) : 1; burst > 0; --burst)
      device.send(id, byId ? UserId{} : to);
  } else if (dice < 54) {
    act_in_group(device);
  } else if (dice < 66) {
    change_message(device);
  } else if (dice < 76) {
    read_something(device);
  } else if (dice < 86) {
    look_around(device);
  } else if (dice < 91) {
    manage_account(device);
  } else if (dice < 94) {
    if (world_.scenario.repeats) device.send_again();
  } else {
    come_or_go(device);
  }
}

void Simulation::act_in_group(SimulatedDevice& device) {
  if (groups_.empty() || (groups_.size() < 5 && people_.percent(15))) {
    const ConversationId id = "group-" + std::to_string(groups_.size() + 1);
    groups_.push_back(id);
    return command(device, R"({"type":"conversation.create","conversationId":")" + id +
                               R"(","name":"them","members":)" + some_users() +
                               (people_.percent(40) ? ',' + some_settings() : std::string()) +
                               R"(,"clientMsgId":")" + device.next_id() + R"("})");
  }
  const ConversationId id = people_.pick(groups_);
  if (people_.percent(30)) return change_group(device, id);
  for (std::int64_t burst = people_.percent(20) ? people_.between(2, 6) : 1; burst > 0; --burst)
    device.send(id, {});
}

void Simulation::change_group(SimulatedDevice& device, const ConversationId& id) {
  const std::string common =
      R"(,"conversationId":")" + id + R"(","clientMsgId":")" + device.next_id() + R"("})";
  switch (people_.index(13)) {
    case 0:
    case 1:
    case 2:
      return command(device, R"({"type":"conversation.addMembers","members":)" + some_users() + common);
    case 3:
    case 4:
    case 5:
      return command(device,
                     R"({"type":"conversation.removeMembers","members":[")" + someone() + R"("])" + common);
    case 6:
      return command(device, R"({"type":"conversation.leave")" + common);
    case 7:
      return command(device, R"({"type":"conversation.setRole","userId":")" + someone() + R"(","role":")" +
                                 (people_.percent(70) ? "admin" : "member") + '"' + common);
    case 8:
    case 9:
      return command(device, R"({"type":"conversation.update",)" + some_settings() + common);
    case 10:
      return command(device, R"({"type":"conversation.setRole","userId":")" + someone() +
                                 R"(","role":"owner")" + common);
    case 11:
      if (!people_.percent(30)) return;
      return command(device, R"({"type":"conversation.delete")" + common);
    default:
      return command(device, R"({"type":"conversation.update","name":"others")" + common);
  }
}

/// Fields of how a group is run; at least one.
std::string Simulation::some_settings() {
  const auto who = [&] { return people_.percent(50) ? R"("admins")" : R"("everyone")"; };
  switch (people_.index(4)) {
    case 0:
      return std::string(R"("permissions":{"send":)") + who() + '}';
    case 1:
      return std::string(R"("permissions":{"add":)") + who() + R"(,"edit":)" + who() + '}';
    case 2:
      return std::string(R"("history":)") + (people_.percent(60) ? R"("all")" : R"("joined")");
    default:
      return R"("slowModeSeconds":)" + std::to_string(people_.percent(40) ? 0 : people_.between(1, 5));
  }
}

void Simulation::change_message(SimulatedDevice& device) {
  const ConversationId id = some_conversation(device.user());
  const MessageId message = device.some_message(id);
  if (message == 0) return;
  const std::size_t dice = people_.index(100);
  client::OutgoingChange change{id, message, client::OutgoingChange::Deletion{}, {}};
  if (dice < 36) {
    static constexpr const char* kEmoji[] = {"+", "-", "?"};
    change.what = client::OutgoingChange::Reaction{kEmoji[people_.index(3)], people_.percent(65)};
  } else if (dice < 60) {
    change.what = client::OutgoingChange::Edit{std::to_string(people_.index(1000))};
  } else if (dice < 68) {
    return device.request(R"({"type":"message.delete","scope":"me","conversationId":")" + id +
                          R"(","messageId":")" + std::to_string(message) + R"("})");
  } else if (dice < 86) {
    return command(device, R"({"type":"message.pin","conversationId":")" + id + R"(","messageId":")" +
                               std::to_string(message) + R"(","op":")" +
                               (people_.percent(70) ? "add" : "remove") + R"(","clientMsgId":")" +
                               device.next_id() + R"("})");
  }
  device.change(std::move(change));
}

void Simulation::command(SimulatedDevice& device, std::string json) {
  device.request(json);
  if (world_.scenario.repeats && people_.percent(20)) device.request(json);
}

std::string Simulation::some_users() {
  std::string list;
  for (const UserId& user : users_)
    if (people_.percent(60)) list += (list.empty() ? "\"" : ",\"") + user + '"';
  if (list.empty()) list = '"' + someone() + '"';
  return '[' + list + ']';
}

ConversationId Simulation::some_conversation(const UserId& user) {
  if (!groups_.empty() && people_.percent(50)) return people_.pick(groups_);
  return direct_conversation_id(user, someone());
}

void Simulation::read_something(SimulatedDevice& device) {
  const ConversationId id = some_conversation(device.user());
  const auto view = device.views().find(id);
  const Seq last = view == device.views().end() ? 0 : view->second.last;
  const Seq seq = last == 0 ? 1 : 1 + people_.index(last);
  if (last != 0 && people_.percent(20)) return device.clear(id, people_.percent(50) ? last : seq);
  if (people_.percent(60)) return device.mark_read(id, last == 0 || people_.percent(40) ? seq : last);
  const char* type = people_.percent(70) ? "message.read" : "message.received";
  device.request(std::string(R"({"type":")") + type + R"(","conversationId":")" + id + R"(","seq":)" +
                 std::to_string(seq) + '}');
}

void Simulation::look_around(SimulatedDevice& device) {
  const ConversationId id = some_conversation(device.user());
  const std::string place = R"("conversationId":")" + id + '"';
  switch (people_.index(10)) {
    case 0:
    case 1:
      return device.typing(id, people_.percent(70));
    case 2:
    case 3:
      return device.watch(someone());
    case 4:
      return device.unwatch(someone());
    case 5:
      return device.prefer(id, SimulatedDevice::Preference::muted,
                           world_.clock.now() + people_.between(-5'000, 5'000));
    case 6:
      return device.request(R"({"type":"history",)" + place + R"(,"limit":)" +
                            std::to_string(people_.between(1, 20)) + '}');
    case 7:
      return change_account(device);
    case 8:
      return device.request(R"({"type":"receipts.get",)" + place + '}');
    default:
      return device.request(R"({"type":"conversations.list","limit":3})");
  }
}

void Simulation::change_account(SimulatedDevice& device) {
  const UserId& other = someone();
  if (people_.percent(30) || other == device.user())
    return device.request(R"({"type":"profile.update","displayName":")" + other + R"("})");
  if (people_.percent(20)) return device.request(R"({"type":"contacts.list"})");
  device.request(std::string(R"({"type":"contacts.)") + (people_.percent(60) ? "add" : "remove") +
                 R"(","users":[")" + other + R"("]})");
}

void Simulation::manage_account(SimulatedDevice& device) {
  using Preference = SimulatedDevice::Preference;
  const ConversationId id = some_conversation(device.user());
  switch (people_.index(9)) {
    case 0:
      // On second thought.
      device.prefer(id, Preference::archived, 1);
      return device.prefer(id, Preference::archived, 0);
    case 1:
      return device.prefer(id, Preference::archived, people_.percent(60) ? 1 : 0);
    case 2:
    case 3:
      return device.prefer(id, Preference::pinned, people_.percent(60) ? 1 : 0);
    case 4:
      return device.prefer(id, Preference::muted, people_.percent(70) ? world_.clock.now() + 86'400'000 : 0);
    case 5:
      return device.request(std::string(R"({"type":"settings.update","readReceipts":)") +
                            (people_.percent(50) ? "true}" : "false}"));
    case 6:
      return device.set_status(static_cast<Availability>(people_.index(3)),
                               people_.percent(50) ? std::to_string(people_.index(100)) : std::string());
    default:
      if (!world_.scenario.deviceLimit) return device.request(R"({"type":"devices.list"})");
      return device.request(R"({"type":"devices.remove","deviceId":"d)" +
                            std::to_string(people_.between(1, world_.scenario.devicesPerUser)) + R"("})");
  }
}

void Simulation::come_or_go(SimulatedDevice& device) {
  if (device.offline()) return device.connect();
  const std::size_t dice = people_.index(10);
  if (dice < 3) return device.disconnect();
  if (dice < 6) return device.remember();
  if (world_.scenario.vanishing) device.vanish();
}

}  // namespace chatcore::simulation
