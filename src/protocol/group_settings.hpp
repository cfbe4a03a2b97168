#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chatcore/model/conversation.hpp"

namespace chatcore::protocol {

/// What a command says about a group's settings: what is set changes, the rest stays.
struct SettingsChange {
  std::optional<Permission> send = {};
  std::optional<Permission> add = {};
  std::optional<Permission> edit = {};
  std::optional<Permission> pin = {};
  std::optional<HistoryVisibility> history = {};
  std::optional<std::uint32_t> slowModeSeconds = {};

  [[nodiscard]] bool permissions() const noexcept { return send || add || edit || pin; }
  [[nodiscard]] bool empty() const noexcept { return !permissions() && !history && !slowModeSeconds; }
  void apply(GroupSettings& to) const;
  friend bool operator==(const SettingsChange&, const SettingsChange&) = default;
};

// Members of a JSON object, each with a comma before it.
void append_permissions(std::string& out, const GroupPermissions& permissions);
void append_history(std::string& out, HistoryVisibility history);
void append_slow_mode(std::string& out, std::uint32_t seconds);
/// All of them; slow mode only where there is one.
void append_settings(std::string& out, const GroupSettings& settings);

}  // namespace chatcore::protocol
