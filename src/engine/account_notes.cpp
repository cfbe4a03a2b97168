#include "engine/account_notes.hpp"

#include <utility>

namespace chatcore::engine {

void AccountNotes::note(UserId user, AccountSection section, Noted done) {
  changes_.push_back({std::move(user), section});
  waiting_.push_back(std::move(done));
}

void AccountNotes::end_of_turn() {
  if (changes_.empty()) return;
  context_.store->tell_timelines(std::exchange(changes_, {}), *context_.executor,
                                 [busy = context_.busy, waiting = std::exchange(waiting_, {})](
                                     const std::vector<Status>& noted) mutable {
                                   for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i](noted[i]);
                                 });
}

}  // namespace chatcore::engine
