#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "chatcore/client/client.hpp"
#include "client/state.hpp"
#include "client/websocket_io.hpp"

namespace chatcore::client {

/// The shell around State: a thread that tells it what happens and carries out what it says.
class Client::Impl {
 public:
  Impl(Options options, Listener listener);
  ~Impl();

  /// Runs `work(state, now)` on the client's thread and carries out what follows.
  template <class Work>
  void call(Work work) {
    asio::post(context_, [this, work = std::move(work)]() mutable {
      work(state_, now());
      carry_out();
    });
  }
  void send(Outgoing message, Completion<Result<Sent>> done);
  void change(OutgoingChange change, Completion<Result<Sent>> done);
  void request(std::string json, Completion<Result<std::string>> done);
  /// Of whose answer only matters that it is none of an error.
  void request_status(std::string json, Completion<Status> done) {
    request(std::move(json), [done = std::move(done)](Result<std::string> answer) mutable {
      if (done) done(answer ? Status() : Status(std::move(answer).error()));
    });
  }
  /// What `decode` makes of the answer; what it makes nothing of is no answer to this request.
  template <class Value>
  void request_value(std::string json, std::optional<Value> (*decode)(std::string_view),
                     Completion<Result<Value>> done) {
    request(std::move(json), [decode, done = std::move(done)](Result<std::string> answer) mutable {
      if (!done) return;
      if (!answer) return done(std::move(answer).error());
      if (auto value = decode(*answer)) return done(std::move(*value));
      done(Error{ErrorCode::internal, "the server answered something else", {}});
    });
  }
  void set_token(std::string token, Completion<Status> done);
  void watermarks(Completion<std::vector<Watermark>> done);
  void sync_token(Completion<std::string> done);
  std::string make_client_msg_id();
  template <class Value>
  void fail(Completion<Result<Value>> done, Error error) {
    asio::post(context_, [this, done = std::move(done), error = std::move(error)]() mutable {
      finish<Value>(std::move(done), std::move(error));
    });
  }

 private:
  Now now() const;
  void carry_out();
  void arm_timer();

  void perform(Connect action);
  void perform(SendFrame action);
  void perform(CloseConnection action);
  void perform(SendDone action);
  void perform(RequestDone action);
  void perform(StateChange action) { tell(listener_->on_state, std::move(action)); }
  void perform(Message action) { tell(listener_->on_message, std::move(action)); }
  void perform(MessageChange action) { tell(listener_->on_change, std::move(action)); }
  void perform(Receipt action) { tell(listener_->on_receipt, std::move(action)); }
  void perform(Typing action) { tell(listener_->on_typing, std::move(action)); }
  void perform(PresenceChange action) { tell(listener_->on_presence, std::move(action)); }
  void perform(AccountChanges action) { tell(listener_->on_account_changed, std::move(action)); }
  void perform(Profile action) { tell(listener_->on_profile, std::move(action)); }
  void perform(UsersChange action) { tell(listener_->on_users_changed, std::move(action)); }
  void perform(ConversationChange action) { tell(listener_->on_conversation, std::move(action)); }
  void perform(ConversationReset action) { tell(listener_->on_reset, std::move(action)); }
  void perform(ReadPosition action) { tell(listener_->on_read, std::move(action)); }
  void perform(HistoryCleared action) { tell(listener_->on_cleared, std::move(action)); }
  void perform(PreferencesChange action) { tell(listener_->on_preferences, std::move(action)); }
  void perform(Settings action) { tell(listener_->on_settings, action); }
  void perform(DeviceChange action) { tell(listener_->on_device, std::move(action)); }
  void perform(Alert action) { tell(listener_->on_alert, std::move(action.json)); }
  void perform(RawEvent action) { tell(listener_->on_event, std::move(action.json)); }
  void perform(Error action) { tell(listener_->on_error, std::move(action)); }

  template <class Callback, class Value>
  void tell(const Callback& callback, Value value) {
    if (!callback) return;
    if (options_.executor == nullptr) return callback(value);
    // The listener outlives the client here: the executor may run this later.
    options_.executor->post([listener = listener_, &callback, value = std::move(value)] { callback(value); });
  }
  template <class Answer>
  void hand_over(Completion<Answer> done, Answer answer) {
    if (!done) return;
    if (options_.executor == nullptr) return done(std::move(answer));
    complete(*options_.executor, std::move(done), std::move(answer));
  }
  template <class Value>
  void finish(Completion<Result<Value>> done, Result<Value> result) {
    hand_over(std::move(done), std::move(result));
  }

  Options options_;
  std::shared_ptr<const Listener> listener_;
  Clock& clock_;
  Random& random_;
  Log& log_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keepRunning_{context_.get_executor()};
  asio::steady_timer timer_{context_};
  std::optional<Millis> armedFor_;
  State state_;
  std::shared_ptr<WebSocketConnection> connection_;
  ConnectionNumber connectionNumber_ = 0;
  Ticket nextTicket_ = 1;
  std::map<Ticket, Completion<Result<Sent>>> sends_;
  std::map<Ticket, Completion<Result<std::string>>> requests_;
  std::thread thread_;
};

}  // namespace chatcore::client
