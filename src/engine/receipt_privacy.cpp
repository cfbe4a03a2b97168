#include "engine/receipt_privacy.hpp"

#include "core/simulation_bug.hpp"

namespace chatcore::engine {

namespace {
// Beyond, what is not known is not shown.
constexpr std::size_t kMaxQuestions = 10'000;
constexpr int kTries = 3;
}  // namespace

void ReceiptPrivacy::ask(std::vector<UserId> users, Use use) {
  const std::int64_t now = context_.clock->steady().count();
  std::vector<bool> shows(users.size());
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto found = known_.find(users[i]);
    const bool fresh = found != known_.end() && found->second.until > now;
    if (fresh) shows[i] = found->second.shows;
    if (!fresh) missing.push_back(i);
  }
  if (missing.empty() || questions_ >= kMaxQuestions) return use(shows);
  ++questions_;
  auto question = std::make_shared<Question>(Question{std::move(shows), missing.size(), std::move(use)});
  for (const std::size_t place : missing) {
    const auto [entry, isNew] = waiting_.try_emplace(users[place]);
    if (isNew) toAsk_.push_back(users[place]);
    entry->second.places.emplace_back(question, place);
  }
}

void ReceiptPrivacy::changed(const UserId& user) {
  known_.erase(user);
  if (const auto asked = waiting_.find(user); asked != waiting_.end()) asked->second.again = true;
}

void ReceiptPrivacy::end_of_turn() {
  if (toAsk_.empty()) return;
  auto users = std::exchange(toAsk_, {});
  for (const UserId& user : users) waiting_[user].again = false;
  context_.directory->users(users, *context_.executor,
                            [busy = context_.busy, this, users](const std::vector<Result<User>>& answers) {
                              answered(users, answers);
                            });
}

void ReceiptPrivacy::answered(const std::vector<UserId>& users, const std::vector<Result<User>>& answers) {
  for (std::size_t i = 0; i < users.size(); ++i) {
    const bool known = answers[i] || answers[i].error().code == ErrorCode::not_found;
    Waiting& waiting = waiting_[users[i]];
    if (waiting.again || (!known && ++waiting.failures < kTries)) {
      toAsk_.push_back(users[i]);
      continue;
    }
    const bool shows = answers[i] && (answers[i]->readReceipts || CHATCORE_BUG("hidden receipts are shown"));
    if (known) remember(users[i], shows);
    settle(users[i], shows);
  }
}

void ReceiptPrivacy::remember(const UserId& user, bool shows) {
  // Never more than the bound; what was remembered is asked for again, in batches.
  if (known_.size() >= context_.options.maxCachedSettings) known_.clear();
  known_[user] = {shows, (context_.clock->steady() + context_.options.settingsCache).count()};
}

void ReceiptPrivacy::settle(const UserId& user, bool shows) {
  const auto found = waiting_.find(user);
  const auto places = std::move(found->second.places);
  waiting_.erase(found);
  for (const auto& [question, place] : places) {
    question->shows[place] = shows;
    if (--question->missing != 0) continue;
    --questions_;
    question->use(question->shows);
  }
}

}  // namespace chatcore::engine
