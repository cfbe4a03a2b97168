#include "keys.hpp"

#include <cassert>

#include "bytes.hpp"

namespace chatcore::rocks {

void put_owner(std::string& key, std::string_view id) {
  assert(id.size() <= kMaxKeyId);
  key.push_back(static_cast<char>(id.size()));
  key.append(id);
}

std::string owner_prefix(std::string_view id) {
  std::string key;
  put_owner(key, id);
  return key;
}

std::string owner_end(std::string_view id) {
  std::string key = owner_prefix(id);
  // One more than the prefix as a number; the count in front is below 255, so the carry ends there at last.
  for (auto last = key.rbegin(); last != key.rend(); ++last) {
    *last = static_cast<char>(static_cast<unsigned char>(*last) + 1);
    if (*last != '\0') break;
  }
  return key;
}

void event_key(std::string& key, std::string_view log, Seq seq) {
  key.clear();
  put_owner(key, log);
  put_ordered64(key, seq);
}

Seq seq_of_event_key(std::string_view key) {
  return key.size() < 8 ? 0 : get_ordered64(key.data() + key.size() - 8);
}

std::string pair_key(std::string_view first, std::string_view second) {
  std::string key;
  key.reserve(1 + first.size() + second.size());
  put_owner(key, first);
  key.append(second);
  return key;
}

std::string_view second_of_pair(std::string_view key) {
  const std::size_t skip = key.empty() ? 0 : 1 + static_cast<unsigned char>(key[0]);
  return skip > key.size() ? std::string_view() : key.substr(skip);
}

std::string log_key(std::string_view log, LogPart part) {
  std::string key = owner_prefix(log);
  key.push_back(static_cast<char>(part));
  return key;
}

std::string mark_prefix(std::uint32_t partition) {
  return {static_cast<char>(partition >> 8), static_cast<char>(partition)};
}

std::string mark_key(std::string_view log) { return mark_prefix(partition_of(log)).append(log); }

std::string journal_key(std::uint64_t row) {
  std::string key;
  put_ordered64(key, row);
  return key;
}

}  // namespace chatcore::rocks
