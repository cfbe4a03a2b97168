#include "message_rows.hpp"

#include "bytes.hpp"
#include "checksum.hpp"
#include "keys.hpp"

namespace chatcore::rocks {

namespace {

std::string numbered_key(std::string_view log, char part, std::uint64_t number) {
  std::string key = owner_prefix(log);
  key.push_back(part);
  put_ordered64(key, number);
  return key;
}

}  // namespace

std::string state_key(std::string_view log, Seq seq) { return numbered_key(log, 's', seq); }

std::string reaction_key(std::string_view log, Seq seq, std::string_view user) {
  return numbered_key(log, 'r', seq).append(user);
}

std::string deletion_key(std::string_view log, std::uint64_t ordinal) {
  return numbered_key(log, 'd', ordinal);
}

std::string expiry_key(std::string_view log, std::uint64_t ordinal) {
  return numbered_key(log, 'x', ordinal);
}

std::string hidden_ordinal_key(std::string_view log, std::uint64_t ordinal) {
  return numbered_key(log, 'o', ordinal);
}

std::string hidden_key(std::string_view log, std::string_view user, Seq seq) {
  std::string key = owner_prefix(log);
  key.push_back('h');
  put_owner(key, user);
  put_ordered64(key, seq);
  return key;
}

std::uint64_t number_of_key(std::string_view key) {
  return key.size() < 8 ? 0 : get_ordered64(key.data() + key.size() - 8);
}

std::string encode_state(std::string_view key, const MessageState& state) {
  std::string value;
  begin_value(value);
  put_varint(value, state.ordinal);
  put_varint(value, static_cast<std::uint64_t>(state.editedAt));
  put_varint(value, static_cast<std::uint64_t>(state.deletedAt));
  put_string(value, state.deletedBy);
  put_varint(value, state.edits.size());
  for (const Seq edit : state.edits) put_varint(value, edit);
  put_varint(value, state.reactions.size());
  for (const ReactionCount& reaction : state.reactions) {
    put_string(value, reaction.emoji);
    put_varint(value, reaction.users);
  }
  value.append(state.content);
  seal_value(key, value);
  return value;
}

bool decode_state(std::string_view key, std::string_view value, MessageState& state) {
  ByteReader reader = body_of(key, value);
  state.seq = number_of_key(key);
  state.ordinal = reader.varint();
  state.editedAt = static_cast<Timestamp>(reader.varint());
  state.deletedAt = static_cast<Timestamp>(reader.varint());
  state.deletedBy = reader.string();
  const std::uint64_t edits = reader.varint();
  if (edits > kMaxEdits) return false;
  state.edits.clear();
  for (std::uint64_t i = 0; i < edits; ++i) state.edits.push_back(reader.varint());
  const std::uint64_t reactions = reader.varint();
  if (reactions > kMaxEmojiPerMessage) return false;
  state.reactions.clear();
  for (std::uint64_t i = 0; i < reactions; ++i) {
    ReactionCount& reaction = state.reactions.emplace_back();
    reaction.emoji = reader.string();
    reaction.users = reader.varint32();
  }
  state.content = reader.rest();
  return reader.done();
}

std::string encode_emoji(std::string_view key, const std::vector<std::string>& emoji) {
  std::string value;
  begin_value(value);
  put_varint(value, emoji.size());
  for (const std::string& one : emoji) put_string(value, one);
  seal_value(key, value);
  return value;
}

bool decode_emoji(std::string_view key, std::string_view value, std::vector<std::string>& emoji) {
  ByteReader reader = body_of(key, value);
  const std::uint64_t count = reader.varint();
  if (count > kMaxEmojiPerUser) return false;
  emoji.clear();
  for (std::uint64_t i = 0; i < count; ++i) emoji.emplace_back(reader.string());
  return reader.done();
}

}  // namespace chatcore::rocks
