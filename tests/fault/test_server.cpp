#include "test_server.hpp"

#include <stdexcept>
#include <thread>

namespace chatcore::faulttest {

void KeptLog::write(LogLevel, std::string_view component, std::string_view message) {
  std::lock_guard lock(mutex_);
  lines_.push_back(std::string(component) + ": " + std::string(message));
}

bool KeptLog::contains(std::string_view text) const {
  std::lock_guard lock(mutex_);
  for (const std::string& line : lines_)
    if (line.find(text) != std::string::npos) return true;
  return false;
}

TestServer::TestServer(std::uint32_t shards, PortCall faulty)
    : faultyStore(store, plan, faulty),
      faultyDirectory(directory, plan, faulty),
      faultyPresence(presence, plan, faulty),
      faultyQueue(queue, plan, faulty),
      faultyPush(push, plan, faulty) {
  options.listen = "127.0.0.1:0";
  options.shards = shards;
  options.drainWindow = 1ms;
  options.gateway.closeLinger = 200ms;
  ports.store = &faultyStore;
  ports.directory = &faultyDirectory;
  ports.presence = &faultyPresence;
  ports.authenticator = &authenticator;
  ports.clock = &clock;
  ports.log = &log;
}

void TestServer::with_push() {
  ports.workQueue = &faultyQueue;
  ports.push = &faultyPush;
}

void TestServer::start() {
  auto started = Server::start(options, std::move(ports));
  if (!started) throw std::runtime_error(started.error().message);
  server = std::move(*started);
}

bool TestServer::stop() {
  if (server == nullptr) return true;
  plan.heal();
  plan.release();
  const auto begun = std::chrono::steady_clock::now();
  server->stop();
  server.reset();
  return std::chrono::steady_clock::now() - begun < 5s && !log.contains("did not answer before the stop");
}

TestClient TestServer::open(const std::string& user, const std::string& device, int receiveBuffer) {
  return {server->port(), "/v1/ws?user=" + user + "&device=" + device, receiveBuffer};
}

TestClient TestServer::connect(const std::string& user, const std::string& device, int receiveBuffer) {
  TestClient client = open(user, device, receiveBuffer);
  client.expect_type("welcome");
  return client;
}

void TestServer::block(const UserId& by, const UserId& whom, bool blocked) {
  const auto done = executor.wait<Status>([&](Executor& here, Completion<Status> answer) {
    directory.set_block(by, whom, blocked, here, std::move(answer));
  });
  if (!done) throw std::runtime_error("set_block failed");
}

void TestServer::put_device(const UserId& user, const DeviceId& device, const std::string& token) {
  const auto done = executor.wait<Status>([&](Executor& here, Completion<Status> answer) {
    directory.put_device({user, device, "ios", token, 0}, here, std::move(answer));
  });
  if (!done) throw std::runtime_error("put_device failed");
}

std::string TestServer::token_of(const UserId& user, const DeviceId& device) {
  using Answer = std::vector<Result<std::vector<Device>>>;
  const auto answer = executor.wait<Answer>(
      [&](Executor& here, Completion<Answer> done) { directory.devices({user}, here, std::move(done)); });
  for (const Device& known : *answer.at(0))
    if (known.deviceId == device) return known.pushToken;
  return {};
}

std::vector<Event> TestServer::log_of(const ConversationId& id) {
  using Answer = std::vector<Result<EventRange>>;
  ReadRequest request;
  request.log = id;
  request.to = UINT64_MAX;
  request.maxEvents = 100'000;
  request.maxBytes = UINT32_MAX;
  auto answer = executor.wait<Answer>(
      [&](Executor& here, Completion<Answer> done) { store.read({request}, here, std::move(done)); });
  std::vector<Event> all;
  for (const EventView& event : answer.at(0)->events) all.emplace_back(event);
  return all;
}

std::size_t TestServer::leases_of(const UserId& user) {
  using Answer = std::vector<Result<std::vector<DeviceLease>>>;
  const auto answer = executor.wait<Answer>(
      [&](Executor& here, Completion<Answer> done) { presence.find({user}, here, std::move(done)); });
  return answer.at(0)->size();
}

bool TestServer::leaves(const UserId& user, std::size_t left) {
  return eventually([&] { return leases_of(user) == left; });
}

bool TestServer::eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + TestClient::kLimit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

Json message_to(const std::string& user, const std::string& clientMsgId, std::uint64_t id) {
  Json command{
      {"type", "message.send"}, {"to", user}, {"clientMsgId", clientMsgId}, {"content", clientMsgId}};
  if (id != 0) command["id"] = id;
  return command;
}

Json message_in(const ConversationId& conversation, const std::string& clientMsgId, std::uint64_t id) {
  Json command = message_to("", clientMsgId, id);
  command.erase("to");
  command["conversationId"] = conversation;
  return command;
}

}  // namespace chatcore::faulttest
