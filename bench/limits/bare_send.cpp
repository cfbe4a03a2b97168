// The limit of fan-out: what came in one recv is framed once, joined, and handed to every other socket by a
// bare send() loop. Stores nothing, checks nothing.
#include <cstdlib>

#include "mini_server.hpp"

namespace chatcore::bench {
namespace {

class BareSend final : public MiniServer {
 private:
  void on_text(int, std::string_view json) override {
    if (json.starts_with(R"({"type":"message.send")")) return on_message(json);
    if (json.starts_with(R"({"type":"conversation.create")")) seqs_.push_back(1);
    std::string answer = R"({"type":"ok","conversationId":")";
    answer.append(name_of(seqs_.size() - 1))
        .append(R"(","id":")")
        .append(text_of(json, "\"id\""))
        .append("\"}");
    append_server_frame(acks_, answer);
  }

  void on_message(std::string_view json) {
    const auto conversation = text_of(json, "\"conversationId\"");
    if (conversation.size() != kPrefix.size() + kDigits) std::exit(1);
    const auto number = std::strtoull(conversation.data() + kPrefix.size(), nullptr, 10);
    if (number >= seqs_.size()) std::exit(1);
    const auto seq = ++seqs_[number];
    payload_.clear();
    append_message_new(payload_, conversation, seq, json);
    append_server_frame(joined_, payload_);
    payload_.clear();
    append_message_sent(payload_, conversation, seq, json);
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

  // Together as long as the server's own ids.
  static constexpr std::string_view kPrefix = "c00000000000";
  static constexpr std::size_t kDigits = 8;
  static std::string name_of(std::size_t number) {
    const std::string digits = std::to_string(number);
    return std::string(kPrefix) + std::string(kDigits - digits.size(), '0') + digits;
  }

  std::vector<std::uint64_t> seqs_;  // by conversation
  std::string payload_;
  std::string joined_;
  std::string acks_;
};

}  // namespace
}  // namespace chatcore::bench

int main() { chatcore::bench::BareSend().run(); }
