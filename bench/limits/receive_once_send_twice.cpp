// The limit of one-to-one messages: one recv, then one send to the sender and one to the peer. With `--sync
// FILE` also one write and one fdatasync for all messages of an epoll turn before their sends: the least
// latency that "acknowledged means durable" allows.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "mini_server.hpp"

namespace chatcore::bench {
namespace {

class ReceiveOnceSendTwice final : public MiniServer {
 public:
  explicit ReceiveOnceSendTwice(const char* log) {
    if (log == nullptr) return;
    log_ = open(log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
    if (log_ < 0) std::exit((std::perror(log), 1));
  }

 private:
  struct Side {
    int peer = -1;
    std::uint64_t seq = 0;
  };
  struct Waiting {
    int fd;
    std::string frame;
  };

  void on_text(int fd, std::string_view json) override {
    if (json.starts_with(R"({"type":"message.received")")) return on_receipt(fd);
    if (side_of(fd).peer < 0) introduce(fd, socket_of(text_of(json, "\"to\"")));
    if (side_of(fd).peer < 0) return;
    on_message(fd, side_of(fd), json);
  }

  void on_message(int fd, Side& side, std::string_view json) {
    constexpr std::string_view kConversation = "dm.user1000.12345678";
    ++side.seq;
    payload_.clear();
    append_message_sent(payload_, kConversation, side.seq, json);
    deliver(fd);
    payload_.clear();
    append_message_new(payload_, kConversation, side.seq, json);
    deliver(side.peer);
  }

  void on_receipt(int fd) {
    payload_ = R"({"type":"message.delivered","conversationId":"dm.user1000.12345678","seq":1000,)"
               R"("messageId":"7000000000000000000","userId":"user1000.12345678","timestamp":1700000000000})";
    if (side_of(fd).peer >= 0) deliver(side_of(fd).peer);
  }

  void deliver(int fd) {
    frame_.clear();
    append_server_frame(frame_, payload_);
    if (log_ < 0) return send_all(fd, frame_);
    waiting_.push_back({fd, frame_});
  }

  void on_turn_end() override {
    if (waiting_.empty()) return;
    std::string records;
    for (std::size_t i = 0; i < waiting_.size(); i += 2) records += waiting_[i].frame;
    if (write(log_, records.data(), records.size()) < 0 || fdatasync(log_) != 0)
      std::exit((std::perror("log"), 1));
    for (const auto& [fd, frame] : waiting_) send_all(fd, frame);
    waiting_.clear();
  }

  void on_close(int fd) override { side_of(fd) = {}; }

  void introduce(int fd, int peer) {
    if (peer < 0) return;
    side_of(peer).peer = fd;
    side_of(fd).peer = peer;
  }

  Side& side_of(int fd) {
    const auto slot = static_cast<std::size_t>(fd);
    if (sides_.size() <= slot) sides_.resize(slot + 1);
    return sides_[slot];
  }

  int log_ = -1;
  std::vector<Side> sides_;
  std::vector<Waiting> waiting_;
  std::string payload_;
  std::string frame_;
};

}  // namespace
}  // namespace chatcore::bench

int main(int argc, char** argv) {
  const char* log = argc == 3 && std::strcmp(argv[1], "--sync") == 0 ? argv[2] : nullptr;
  chatcore::bench::ReceiveOnceSendTwice(log).run();
}
