#include "setup.hpp"

#include <algorithm>
#include <stdexcept>

#include "frame_scan.hpp"
#include "server_process.hpp"

namespace chatcore::bench {
namespace {

constexpr std::size_t kMembersPerCommand = 499;  // of at most 500, the creator counted in
constexpr std::int64_t kPatience = 20'000'000'000;

std::string member_list(std::span<const std::string> members) {
  std::string list = "[";
  for (const auto& member : members) list += (list.size() == 1 ? "\"" : ",\"") + member + "\"";
  return list + "]";
}

}  // namespace

std::vector<std::string> fresh_users(const std::string& kind, std::size_t count) {
  std::string run;
  append_uuid4(run);
  std::vector<std::string> users;
  users.reserve(count);
  for (std::size_t i = 0; i < count; ++i) users.push_back(kind + std::to_string(i) + "." + run.substr(0, 8));
  return users;
}

std::string request(Fleet& fleet, LinkIndex link, std::string command, const TextHandler& onText) {
  std::string id;
  append_uuid4(id);
  command += R"(,"id":")" + id + R"(","clientMsgId":")" + id + "\"}";
  fleet.send_text(link, command);
  std::string answer;
  const auto deadline = now_nanoseconds() + kPatience;
  const std::string wanted = R"("id":")" + id + '"';
  while (answer.empty()) {
    fleet.turn(100'000'000, [&](LinkIndex from, std::string_view text) {
      if (onText) onText(from, text);
      if (from == link && text.find(wanted) != std::string_view::npos) answer = text;
    });
    if (now_nanoseconds() > deadline) throw std::runtime_error("no answer to " + command.substr(0, 100));
  }
  if (is_type(answer, "error")) throw std::runtime_error(answer);
  return answer;
}

std::string create_group(Fleet& fleet, LinkIndex creator, std::span<const std::string> members,
                         const TextHandler& onText) {
  const auto take = [&] {
    const auto some = members.first(std::min(members.size(), kMembersPerCommand));
    members = members.subspan(some.size());
    return member_list(some);
  };
  const auto created =
      request(fleet, creator, R"({"type":"conversation.create","name":"load","members":)" + take(), onText);
  const std::string conversation(find_text(created, "\"conversationId\""));
  if (conversation.empty()) throw std::runtime_error("no conversationId in " + created);
  while (!members.empty()) {
    request(
        fleet, creator,
        R"({"type":"conversation.addMembers","conversationId":")" + conversation + R"(","members":)" + take(),
        onText);
  }
  return conversation;
}

}  // namespace chatcore::bench
