#include "protocol/group_settings.hpp"

#include "protocol/json_write.hpp"

namespace chatcore::protocol {

void SettingsChange::apply(GroupSettings& to) const {
  GroupPermissions& may = to.permissions;
  may = {send.value_or(may.send), add.value_or(may.add), edit.value_or(may.edit), pin.value_or(may.pin)};
  to.history = history.value_or(to.history);
  to.slowModeSeconds = slowModeSeconds.value_or(to.slowModeSeconds);
}

void append_permissions(std::string& out, const GroupPermissions& permissions) {
  out += ",\"permissions\":{\"send\":";
  append_plain(out, to_string(permissions.send));
  out += ",\"add\":";
  append_plain(out, to_string(permissions.add));
  out += ",\"edit\":";
  append_plain(out, to_string(permissions.edit));
  out += ",\"pin\":";
  append_plain(out, to_string(permissions.pin));
  out += '}';
}

void append_history(std::string& out, HistoryVisibility history) {
  out += ",\"history\":";
  append_plain(out, to_string(history));
}

void append_slow_mode(std::string& out, std::uint32_t seconds) {
  out += ",\"slowModeSeconds\":";
  append_number(out, seconds);
}

void append_settings(std::string& out, const GroupSettings& settings) {
  append_permissions(out, settings.permissions);
  append_history(out, settings.history);
  if (settings.slowModeSeconds != 0) append_slow_mode(out, settings.slowModeSeconds);
}

}  // namespace chatcore::protocol
