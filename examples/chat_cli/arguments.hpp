#pragma once

#include <optional>
#include <string>

namespace chat_cli {

struct Arguments {
  std::string url = "ws://127.0.0.1:8080/v1/ws";
  std::string user;
  std::string device = "cli";
  std::string platform;
  std::string token;
  std::string to;
  std::string group;
  bool script = false;
};

/// Nothing: the file cannot be read, or is empty.
std::optional<std::string> first_line_of(const std::string& path);
/// Explains itself on standard error and ends the process where the arguments are wrong.
Arguments parse_arguments(int argc, char** argv);

}  // namespace chat_cli
