#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/string_map.hpp"
#include "engine/context.hpp"

namespace chatcore::engine {

/// Who lets others see what they have read: asked of the directory, in a batch a turn, and remembered for
/// `settingsCache`. A change on this server is told to every shard and counts at once; one that was made
/// elsewhere is seen when what is remembered runs out. One thread; completions come back to it.
class ReceiptPrivacy {
 public:
  explicit ReceiptPrivacy(Context& context) : context_(context) {}

  /// `shows[i]`: whether `users[i]` does. What cannot be found out in a few tries is not shown.
  using Use = UniqueFunction<void(const std::vector<bool>& shows)>;
  /// At once where all of them are known.
  void ask(std::vector<UserId> users, Use use);
  void changed(const UserId& user);
  void end_of_turn();

 private:
  struct Entry {
    bool shows = true;
    std::int64_t until = 0;  ///< steady millis
  };
  struct Question {
    std::vector<bool> shows;
    std::size_t missing = 0;
    Use use;
  };
  /// What waits for one user's answer.
  struct Waiting {
    bool again = false;  ///< changed since it was asked
    int failures = 0;    ///< of the directory, in a row
    std::vector<std::pair<std::shared_ptr<Question>, std::size_t>> places;
  };

  void answered(const std::vector<UserId>& users, const std::vector<Result<User>>& answers);
  void settle(const UserId& user, bool shows);
  void remember(const UserId& user, bool shows);

  Context& context_;
  StringMap<Entry> known_;
  StringMap<Waiting> waiting_;
  std::vector<UserId> toAsk_;
  std::size_t questions_ = 0;
};

}  // namespace chatcore::engine
