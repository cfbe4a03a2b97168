#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/error.hpp"

namespace chat_cli {

/// Where every line goes, and what `/wait` looks through: each printed line counts for one wait.
class Printer {
 public:
  void line(const std::string& text);

  void wait_for(std::string text, std::chrono::steady_clock::time_point until);
  bool waiting() const { return awaited_.has_value(); }
  bool timed_out() const;
  const std::string& awaited() const { return *awaited_; }

 private:
  bool matches(std::string_view text) const { return text.find(*awaited_) != std::string_view::npos; }

  std::deque<std::string> unseen_;  ///< printed, and not yet waited for
  std::optional<std::string> awaited_;
  std::chrono::steady_clock::time_point until_;
};

/// Makes text from the network safe to print: control characters become spaces.
std::string printable(std::string_view text);
std::string explain(const chatcore::Error& error);
/// `fallback` for what is no number.
int number(const std::string& text, int fallback);
/// The words from `begin` to `end`, spaces between them.
std::string joined(const std::vector<std::string>& words, std::size_t begin, std::size_t end);

}  // namespace chat_cli
