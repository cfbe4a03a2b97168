#include "printer.hpp"

#include <charconv>

#include <algorithm>
#include <iostream>
#include <utility>

namespace chat_cli {

namespace {

constexpr std::size_t kUnseenLines = 10'000;

}  // namespace

void Printer::line(const std::string& text) {
  std::cout << text << std::endl;
  if (awaited_ && matches(text)) {
    awaited_.reset();
    return;
  }
  unseen_.push_back(text);
  if (unseen_.size() > kUnseenLines) unseen_.pop_front();
}

/// A line that came before the script got as far as its /wait counts too: a script cannot know which of two
/// things that it waits for happens first.
void Printer::wait_for(std::string text, std::chrono::steady_clock::time_point until) {
  awaited_ = std::move(text);
  until_ = until;
  const auto found =
      std::find_if(unseen_.begin(), unseen_.end(), [this](const auto& line) { return matches(line); });
  if (found == unseen_.end()) return;
  unseen_.erase(found);
  awaited_.reset();
}

bool Printer::timed_out() const { return awaited_ && std::chrono::steady_clock::now() >= until_; }

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  return out;
}

std::string explain(const chatcore::Error& error) {
  std::string out(to_string(error.code));
  return error.message.empty() ? out : out + ": " + printable(error.message);
}

int number(const std::string& text, int fallback) {
  int value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string joined(const std::vector<std::string>& words, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) out += (i == begin ? "" : " ") + words[i];
  return out;
}

}  // namespace chat_cli
