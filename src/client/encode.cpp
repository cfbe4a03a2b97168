#include "client/encode.hpp"

#include <nlohmann/json.hpp>

namespace chatcore::client {

namespace {

using nlohmann::json;

json mark_value(const Watermark& mark) {
  if (mark.epoch == 1) return mark.seq;
  return json{{"seq", mark.seq}, {"epoch", mark.epoch}};
}

}  // namespace

std::optional<std::string> json_string(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::string encode_send(const Outgoing& message) {
  // Joined by hand: the content goes out as the very bytes that the application gave.
  std::string out = R"("type":"message.send")";
  out += message.conversationId.empty() ? R"(,"to":")" + message.to
                                        : R"(,"conversationId":")" + message.conversationId;
  out += R"(","clientMsgId":")" + message.clientMsgId + '"';
  if (message.messageType != MessageType::text)
    out.append(R"(,"messageType":")").append(to_string(message.messageType)) += '"';
  if (message.replyTo != 0) out += R"(,"replyTo":")" + std::to_string(message.replyTo) + '"';
  if (message.expiresInSeconds != 0)
    out += R"(,"expiresInSeconds":)" + std::to_string(message.expiresInSeconds);
  return out + R"(,"content":)" + message.content;
}

std::string encode_change(const OutgoingChange& change) {
  struct Difference {
    std::string_view type;
    std::string members;
  };
  struct Writer {
    Difference operator()(const OutgoingChange::Edit& edit) const {
      return {"message.edit", R"(,"content":)" + edit.content};
    }
    Difference operator()(const OutgoingChange::Deletion&) const {
      return {"message.delete", R"(,"scope":"everyone")"};
    }
    Difference operator()(const OutgoingChange::Reaction& reaction) const {
      const std::string op = reaction.add ? "add" : "remove";
      return {"message.react", R"(,"op":")" + op + R"(","emoji":)" + json(reaction.emoji).dump()};
    }
  };
  const Difference difference = std::visit(Writer{}, change.what);
  std::string out = R"("type":")";
  out.append(difference.type).append(R"(","conversationId":")").append(change.conversationId);
  out.append(R"(","messageId":")").append(std::to_string(change.messageId));
  out.append(R"(","clientMsgId":")").append(change.clientMsgId);
  return out + '"' + difference.members;
}

std::string encode_event(FrameId id, std::string_view members) {
  std::string out = R"({"id":)" + std::to_string(id) + ',';
  return out.append(members) + '}';
}

namespace {

/// As many as fit into a frame of `budget` bytes.
json watermarks_of(std::span<const Watermark> marks, std::size_t budget) {
  json watermarks = json::object();
  std::size_t bytes = 128;
  for (const Watermark& mark : marks) {
    bytes += mark.conversationId.size() + 64;
    if (bytes > budget) break;
    watermarks[mark.conversationId] = mark_value(mark);
  }
  return watermarks;
}

}  // namespace

std::string encode_sync(FrameId id, std::span<const Watermark> marks, const Limits& limits,
                        std::size_t budget) {
  json frame{{"type", "sync"}, {"id", id}, {"limit", limits.syncEvents}};
  if (limits.newestEvents != 0) frame["newest"] = limits.newestEvents;
  frame["watermarks"] = watermarks_of(marks, budget);
  return frame.dump();
}

std::string encode_sync_resume(FrameId id, std::size_t limit) {
  return json{{"type", "sync"}, {"id", id}, {"resume", true}, {"limit", limit}}.dump();
}

std::string encode_sync_since(FrameId id, std::string_view token, std::span<const Watermark> marks,
                              std::size_t limit, std::size_t budget) {
  json frame{{"type", "sync"}, {"id", id}, {"since", token}, {"limit", limit}};
  if (!marks.empty()) frame["watermarks"] = watermarks_of(marks, budget - std::min(budget, token.size()));
  return frame.dump();
}

std::string encode_fetch(FrameId id, const ConversationId& conversation, std::optional<Seq> after,
                         std::size_t limit) {
  // Raw: a message as it is now hides the changes that made it so.
  json frame{
      {"type", "history"}, {"id", id}, {"conversationId", conversation}, {"limit", limit}, {"raw", true}};
  if (after) frame["after"] = *after;
  return frame.dump();
}

std::string encode_cursors(FrameId id, std::string_view type, std::span<const Watermark> marks) {
  json frame{{"type", type}, {"id", id}};
  if (marks.size() == 1) {
    frame["conversationId"] = marks.front().conversationId;
    frame["seq"] = marks.front().seq;
    if (marks.front().epoch != 1) frame["epoch"] = marks.front().epoch;
    return frame.dump();
  }
  json& cursors = frame["cursors"] = json::object();
  for (const Watermark& mark : marks) cursors[mark.conversationId] = mark_value(mark);
  return frame.dump();
}

std::string encode_typing(const ConversationId& conversation, bool active) {
  return json{{"type", active ? "typing.start" : "typing.stop"}, {"conversationId", conversation}}.dump();
}

std::string encode_presence(std::string_view type, std::span<const UserId> users) {
  return encode_users(type, users);
}

std::string encode_users(std::string_view type, std::span<const UserId> users) {
  return json{{"type", type}, {"users", std::vector<UserId>(users.begin(), users.end())}}.dump();
}

std::string encode_list(std::string_view type, const UserId& after) {
  json frame{{"type", type}};
  if (!after.empty()) frame["cursor"] = after;
  return frame.dump();
}

std::string encode_profile_get(const UserId& user) {
  json frame{{"type", "profile.get"}};
  if (!user.empty()) frame["userId"] = user;
  return frame.dump();
}

std::string encode_profile(const std::string& displayName) {
  return json{{"type", "profile.update"}, {"displayName", displayName}}.dump();
}

std::string encode_presence_set(Availability availability, const std::string& text) {
  static constexpr const char* kNames[] = {"online", "away", "dnd"};
  json frame{{"type", "presence.set"}, {"status", kNames[static_cast<std::size_t>(availability)]}};
  if (!text.empty()) frame["text"] = text;
  return frame.dump();
}

std::string encode_client_state(bool foreground) {
  return json{{"type", "client.state"}, {"state", foreground ? "foreground" : "background"}}.dump();
}

std::string encode_platform(FrameId id, std::string_view platform) {
  return json{{"type", "hello"}, {"id", id}, {"platform", platform}}.dump();
}

std::string encode_refresh(FrameId id, std::string_view token) {
  return json{{"type", "auth.refresh"}, {"id", id}, {"token", token}}.dump();
}

}  // namespace chatcore::client
