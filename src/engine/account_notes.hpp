#pragma once

#include <vector>

#include "chatcore/unique_function.hpp"
#include "engine/context.hpp"

namespace chatcore::engine {

/// What has changed of users' accounts, noted in their timelines for devices that are away: a call to the
/// store per turn. To be noted when the change is durable, and before whoever asked for it is told so. One
/// thread; completions come back to it.
class AccountNotes {
 public:
  explicit AccountNotes(Context& context) : context_(context) {}

  using Noted = UniqueFunction<void(const Status& noted)>;
  void note(UserId user, AccountSection section, Noted done);
  void end_of_turn();

 private:
  Context& context_;
  std::vector<AccountChange> changes_;
  std::vector<Noted> waiting_;
};

}  // namespace chatcore::engine
