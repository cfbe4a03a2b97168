#include "client/client_impl.hpp"

#include <algorithm>

#include "client/uuid7.hpp"

namespace chatcore::client {

Client::Impl::Impl(Options options, Listener listener)
    : options_(std::move(options)),
      listener_(std::make_shared<const Listener>(std::move(listener))),
      clock_(options_.clock != nullptr ? *options_.clock : system_clock()),
      random_(options_.random != nullptr ? *options_.random : system_random()),
      log_(options_.log != nullptr ? *options_.log : null_log()),
      state_(options_, random_) {
  thread_ = std::thread([this] { context_.run(); });
}

Client::Impl::~Impl() {
  call([this](State& state, Now at) {
    state.close(at);
    keepRunning_.reset();
  });
  thread_.join();
}

Now Client::Impl::now() const { return {clock_.steady(), clock_.now()}; }

void Client::Impl::carry_out() {
  for (Actions actions = state_.take_actions(); !actions.empty(); actions = state_.take_actions())
    for (Action& action : actions) std::visit([this](auto& one) { perform(std::move(one)); }, action);
  arm_timer();
}

void Client::Impl::arm_timer() {
  const auto deadline = state_.deadline();
  if (deadline == armedFor_) return;
  armedFor_ = deadline;
  timer_.cancel();
  if (!deadline) return;
  timer_.expires_after(std::max(*deadline - clock_.steady(), Millis(0)));
  timer_.async_wait([this](std::error_code error) {
    if (error) return;
    armedFor_.reset();
    state_.advance(now());
    carry_out();
  });
}

void Client::Impl::perform(Connect action) {
  connectionNumber_ = action.connection;
  const auto url = parse_url(options_.url);
  if (!url) {
    log_.write(LogLevel::error, "client", url.error().message);
    // 4500 and up are what the state machine does not try again.
    return state_.disconnected(now(), action.connection, 4500, url.error().message);
  }
  WebSocketConnection::Events events;
  const ConnectionNumber number = action.connection;
  events.connected = [this, number] { state_.connected(now(), number), carry_out(); };
  events.frame = [this, number](std::string_view text) { state_.received(now(), number, text), carry_out(); };
  events.heard = [this, number] { state_.heard(now(), number), carry_out(); };
  events.closed = [this, number](std::uint16_t code, const std::string& reason) {
    log_.write(LogLevel::info, "client", "connection ended: " + std::to_string(code) + ' ' + reason);
    state_.disconnected(now(), number, code, reason);
    carry_out();
  };
  std::string key = make_handshake_key(random_);
  std::string request = upgrade_request(*url, key, options_.token, options_.user, options_.device);
  connection_ =
      std::make_shared<WebSocketConnection>(context_, random_, options_.limits.frameBytes, std::move(events));
  connection_->start(*url, std::move(key), std::move(request));
}

void Client::Impl::perform(SendFrame action) {
  if (connection_ && action.connection == connectionNumber_) connection_->send(action.text);
}

void Client::Impl::perform(CloseConnection action) {
  if (!connection_ || action.connection != connectionNumber_) return;
  std::exchange(connection_, nullptr)->close(action.code);
}

void Client::Impl::perform(SendDone action) {
  auto done = sends_.extract(action.ticket);
  if (!done.empty()) finish<Sent>(std::move(done.mapped()), std::move(action.result));
}

void Client::Impl::perform(RequestDone action) {
  auto done = requests_.extract(action.ticket);
  if (!done.empty()) finish<std::string>(std::move(done.mapped()), std::move(action.result));
}

void Client::Impl::send(Outgoing message, Completion<Result<Sent>> done) {
  call([this, message = std::move(message), done = std::move(done)](State& state, Now at) mutable {
    const Ticket ticket = nextTicket_++;
    sends_.emplace(ticket, std::move(done));
    state.send(at, ticket, std::move(message));
  });
}

void Client::Impl::change(OutgoingChange change, Completion<Result<Sent>> done) {
  call([this, change = std::move(change), done = std::move(done)](State& state, Now at) mutable {
    const Ticket ticket = nextTicket_++;
    sends_.emplace(ticket, std::move(done));
    state.change(at, ticket, std::move(change));
  });
}

void Client::Impl::request(std::string json, Completion<Result<std::string>> done) {
  call([this, json = std::move(json), done = std::move(done)](State& state, Now at) mutable {
    const Ticket ticket = nextTicket_++;
    requests_.emplace(ticket, std::move(done));
    state.request(at, ticket, json);
  });
}

void Client::Impl::set_token(std::string token, Completion<Status> done) {
  call([this, token = std::move(token), done = std::move(done)](State& state, Now at) mutable {
    options_.token = token;
    if (!done) return state.refresh_token(at, token);
    const Ticket ticket = nextTicket_++;
    requests_.emplace(ticket, [done = std::move(done)](Result<std::string> answer) mutable {
      done(answer ? Status() : Status(std::move(answer).error()));
    });
    state.refresh_token(at, token, ticket);
  });
}

void Client::Impl::watermarks(Completion<std::vector<Watermark>> done) {
  call([this, done = std::move(done)](State& state, Now) mutable {
    hand_over(std::move(done), state.watermarks());
  });
}

void Client::Impl::sync_token(Completion<std::string> done) {
  call([this, done = std::move(done)](State& state, Now) mutable {
    hand_over(std::move(done), state.sync_token());
  });
}

std::string Client::Impl::make_client_msg_id() { return make_uuid7(clock_.now(), random_); }

}  // namespace chatcore::client
