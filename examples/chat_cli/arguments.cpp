#include "arguments.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>

namespace chat_cli {

namespace {

constexpr const char* kUsage =
    "usage: chat_cli --user NAME [--device NAME] [--url ws://HOST:PORT/v1/ws] [--token-file FILE]\n"
    "                [--platform NAME] [--to USER | --group ID] [--script]\n"
    "--script (also when standard input is not a terminal): one plain line per event on standard output;\n"
    "the end of input waits for outstanding acks, at most 5 s. /help lists the commands.\n";

[[noreturn]] void fail(const std::string& why) {
  std::cerr << "chat_cli: " << why << '\n' << kUsage;
  std::exit(2);
}

}  // namespace

std::optional<std::string> first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  arguments.script = isatty(STDIN_FILENO) == 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (name == "--script") {
      arguments.script = true;
      continue;
    }
    if (i + 1 == argc) fail("unknown option, or no value for it: " + std::string(name));
    const std::string value = argv[++i];
    if (name == "--url") {
      arguments.url = value;
    } else if (name == "--user") {
      arguments.user = value;
    } else if (name == "--device") {
      arguments.device = value;
    } else if (name == "--token-file") {
      const auto token = first_line_of(value);
      if (!token) fail("cannot read a token from " + value);
      arguments.token = *token;
    } else if (name == "--platform") {
      arguments.platform = value;
    } else if (name == "--to") {
      arguments.to = value;
    } else if (name == "--group") {
      arguments.group = value;
    } else {
      fail("unknown option: " + std::string(name));
    }
  }
  if (arguments.user.empty()) fail("--user is needed");
  return arguments;
}

}  // namespace chat_cli
