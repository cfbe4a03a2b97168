#include "fault_console.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <utility>

namespace chatcore::faulttest {

using testing::Fault;

namespace {

void answer(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

/// Looks up every now and then, as nothing wakes it when the program ends.
bool readable(int descriptor) {
  constexpr int kMilliseconds = 20;
  pollfd waited{descriptor, POLLIN, 0};
  return ::poll(&waited, 1, kMilliseconds) > 0;
}

}  // namespace

FaultConsole::FaultConsole(testing::FaultPlan& plan, std::function<void()> ready)
    : plan_(plan), ready_(std::move(ready)) {
  plan_.on_fault([](std::uint64_t call, const std::source_location& where) {
    std::fprintf(stderr, "fault: call %llu of %s\n", static_cast<unsigned long long>(call),
                 where.function_name());
  });
  thread_ = std::thread([this] { serve(); });
}

FaultConsole::~FaultConsole() {
  over_ = true;
  thread_.join();
}

void FaultConsole::serve() {
  std::string line;
  char byte = 0;
  while (!over_) {
    if (!readable(STDIN_FILENO)) continue;
    if (::read(STDIN_FILENO, &byte, 1) != 1) return;
    if (byte != '\n') {
      line += byte;
      continue;
    }
    obey(line);
    line.clear();
  }
}

void FaultConsole::obey(const std::string& line) {
  std::istringstream words(line);
  std::string order;
  std::string kind;
  std::uint64_t call = 0;
  words >> order;
  if (order == "heal") {
    plan_.heal();
    return answer("healed");
  }
  words >> call >> kind;
  if (order != "fail" || call == 0 || (kind != "refused" && kind != "written")) return answer("what?");
  ready_();
  plan_.heal();
  plan_.fail(plan_.calls() + call, kind == "refused" ? Fault::refused : Fault::unknown_but_written);
  answer("armed");
}

}  // namespace chatcore::faulttest
