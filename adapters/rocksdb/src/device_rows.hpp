#pragma once

#include <string>
#include <string_view>

#include "calls.hpp"
#include "chatcore/model/user.hpp"

/// Changes of devices and their push tokens. A token's row names whose it is, so that a dead one is found.
namespace chatcore::rocks {

/// What a row of the `directory` column family is: its key's first byte.
enum class DirectoryRow : char {
  user = 'u',
  devices = 'd',
  block = 'b',
  blockCount = 'B',
  contact = 'c',
  contactCount = 'C',
  lastSeen = 'l',
  token = 't'
};
[[nodiscard]] std::string directory_key(DirectoryRow kind, std::string_view rest);

[[nodiscard]] Status put_device_rows(DirectoryRows& rows, Device device);
[[nodiscard]] Status remove_device_rows(DirectoryRows& rows, const UserId& user, const DeviceId& device);
[[nodiscard]] Status drop_token_rows(DirectoryRows& rows, const std::string& token);

}  // namespace chatcore::rocks
