#include "list_rows.hpp"

#include <algorithm>

#include "keys.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

Error invalid(const char* what) { return Error{.code = ErrorCode::invalid_argument, .message = what}; }

/// The keys of `whom` that are not as they are to be, each once.
Result<std::vector<std::string>> differing(DirectoryRows& rows, const ListRows& list, const UserId& of,
                                           const std::vector<UserId>& whom, bool present) {
  std::vector<std::string> keys;
  for (const UserId& user : whom) {
    std::string key = directory_key(list.item, pair_key(of, user));
    auto row = rows.get(key);
    if (!row) return std::move(row).error();
    if (row->has_value() != present) keys.push_back(std::move(key));
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

/// Counted where it is not known: the list is from before there were counts, or the count is damaged.
Result<std::uint64_t> count_of(DirectoryRows& rows, const ListRows& list, const std::string& key,
                               const UserId& of) {
  auto row = rows.get(key);
  if (!row) return std::move(row).error();
  std::uint64_t count = 0;
  if (*row && decode_number(key, **row, count)) return count;
  return rows.count(directory_key(list.item, owner_prefix(of)), directory_key(list.item, owner_end(of)));
}

}  // namespace

Status set_list_rows(DirectoryRows& rows, const ListRows& list, const UserId& of,
                     const std::vector<UserId>& whom, bool present) {
  if (!valid_id(of) || !std::all_of(whom.begin(), whom.end(), valid_id)) return invalid("not an id");
  auto keys = differing(rows, list, of, whom, present);
  if (!keys) return std::move(keys).error();
  if (keys->empty()) return {};
  const std::string countKey = directory_key(list.count, of);
  auto known = count_of(rows, list, countKey, of);
  if (!known) return std::move(known).error();
  if (present && *known + keys->size() > list.most)
    return Error{.code = ErrorCode::too_large, .message = "the list has as many users as it may"};
  const std::uint64_t count =
      present ? *known + keys->size() : *known - std::min<std::uint64_t>(*known, keys->size());
  for (std::string& key : *keys) {
    if (present)
      rows.put(std::move(key), "");
    else
      rows.erase(std::move(key));
  }
  std::string value = encode_number(countKey, count);
  rows.put(countKey, std::move(value));
  return {};
}

}  // namespace chatcore::rocks
