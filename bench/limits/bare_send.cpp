// The limit of fan-out: what came in one recv is framed once, joined, and handed to every other socket by a
// bare send() loop. Stores nothing, checks nothing.
#include "mini_server.hpp"

namespace chatcore::bench {
namespace {

constexpr std::string_view kConversation = "c0000000000000000001";

class BareSend final : public MiniServer {
 private:
  void on_text(int, std::string_view json) override {
    if (json.starts_with(R"({"type":"message.send")")) return on_message(json);
    std::string answer = R"({"type":"ok","conversationId":")";
    answer.append(kConversation).append(R"(","id":")").append(text_of(json, "\"id\"")).append("\"}");
    append_server_frame(acks_, answer);
  }

  void on_message(std::string_view json) {
    payload_.clear();
    append_message_new(payload_, kConversation, ++seq_, json);
    append_server_frame(joined_, payload_);
    payload_.clear();
    append_message_sent(payload_, kConversation, seq_, json);
    append_server_frame(acks_, payload_);
  }

  void on_read_end(int sender) override {
    if (!acks_.empty()) send_all(sender, acks_);
    acks_.clear();
    if (joined_.empty()) return;
    for (const int fd : open_sockets()) {
      if (fd != sender) send_all(fd, joined_);
    }
    joined_.clear();
  }

  std::uint64_t seq_ = 1;
  std::string payload_;
  std::string joined_;
  std::string acks_;
};

}  // namespace
}  // namespace chatcore::bench

int main() { chatcore::bench::BareSend().run(); }
