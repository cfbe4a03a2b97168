#pragma once

#include <vector>

#include "chatcore/ports/directory.hpp"
#include "device_rows.hpp"

/// Changes of a user's contacts and blocks: a row for each, and one that says how many there are.
namespace chatcore::rocks {

struct ListRows {
  DirectoryRow item;
  DirectoryRow count;
  std::size_t most;
};
inline constexpr ListRows kContacts{DirectoryRow::contact, DirectoryRow::contactCount, kMaxContacts};
inline constexpr ListRows kBlocks{DirectoryRow::block, DirectoryRow::blockCount, kMaxBlocks};

/// All of `whom` or none.
[[nodiscard]] Status set_list_rows(DirectoryRows& rows, const ListRows& list, const UserId& of,
                                   const std::vector<UserId>& whom, bool present);

}  // namespace chatcore::rocks
