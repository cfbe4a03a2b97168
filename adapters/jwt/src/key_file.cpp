#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "chatcore/jwt/authenticator.hpp"

namespace chatcore {

namespace {

constexpr std::size_t kMaxKeyFileBytes = 16 * 1024;

bool printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\r' || c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f); });
}

void drop_line_break(std::string& text) {
  if (!printable(text)) return;  // raw bytes may well end in 0x0a
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  const auto failed = [&path] { return Error{ErrorCode::io_error, path + ": " + std::strerror(errno)}; };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return failed();
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // leaves no second copy of a secret behind
  std::string contents(kMaxKeyFileBytes + 1, '\0');
  const std::size_t size = std::fread(contents.data(), 1, contents.size(), file.get());
  if (std::ferror(file.get()) != 0) return failed();
  if (size > kMaxKeyFileBytes)
    return Error{ErrorCode::invalid_argument, path + ": larger than a key file may be"};
  contents.resize(size);
  drop_line_break(contents);
  if (contents.empty()) return Error{ErrorCode::invalid_argument, path + ": empty"};
  return contents;
}

}  // namespace chatcore
