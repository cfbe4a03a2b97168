#include "engine/hook_desk.hpp"

#include <string>

namespace chatcore::engine {

namespace {
constexpr std::chrono::milliseconds kComeBack{500};
}

Hooks::Decision decided(Result<Hooks::Decision> answer, HookFailure policy) {
  if (answer) return *std::move(answer);
  if (policy == HookFailure::open) return {};
  Error told = std::move(answer).error();
  if (told.code != ErrorCode::overloaded) told.code = ErrorCode::unavailable;
  if (told.retryAfter.count() == 0) told.retryAfter = kComeBack;
  return {Hooks::Verdict::reject, {}, std::move(told)};
}

/// From the host's threads to the shard, for as long as either of them uses it. Answers that come when the
/// shard is gone end here.
class HookDesk::Way final : public Executor, public std::enable_shared_from_this<HookDesk::Way> {
 public:
  Way(HookDesk& desk, Executor& shard) : desk_(&desk), shard_(&shard) {}

  void post(Task task) override {
    const auto self = shared_from_this();  // the task may hold the last reference otherwise
    std::lock_guard lock(mutex_);
    if (shard_ != nullptr) shard_->post(std::move(task));
  }
  void answer(std::uint64_t round, Hooks::Answers answers) {
    struct Answer {
      std::shared_ptr<Way> way;
      std::uint64_t round;
      Hooks::Answers answers;
    };
    auto held = std::make_unique<Answer>(Answer{shared_from_this(), round, std::move(answers)});
    post([held = std::move(held)] { held->way->desk_->answered(held->round, std::move(held->answers)); });
  }
  void close() {
    std::lock_guard lock(mutex_);
    shard_ = nullptr;
  }

  std::atomic<std::size_t> owed{0};

 private:
  std::mutex mutex_;
  HookDesk* const desk_;  // for the shard's thread, which runs nothing when the desk is gone
  Executor* shard_;
};

/// A round that the host owes an answer. Whatever it does with the completion, on which thread and how often,
/// the round is settled on the shard, once; one whose completion it drops has failed.
struct HookDesk::Debt {
  Debt(std::shared_ptr<Way> to, std::uint64_t number, std::size_t questions)
      : way(std::move(to)), round(number), count(questions) {
    way->owed += questions;
  }
  ~Debt() {
    if (pay()) way->answer(round, {});
  }
  Debt(const Debt&) = delete;
  Debt& operator=(const Debt&) = delete;

  void answer(Hooks::Answers answers) {
    if (pay()) way->answer(round, std::move(answers));
  }
  [[nodiscard]] bool pay() {
    const std::size_t paid = count.exchange(0);
    way->owed -= paid;
    return paid != 0;
  }

  std::shared_ptr<Way> way;
  std::uint64_t round;
  std::atomic<std::size_t> count;
};

HookDesk::HookDesk(Context& context, std::chrono::milliseconds deadline)
    : context_(context),
      patience_(deadline),
      way_(context.hooks == nullptr ? nullptr : std::make_shared<Way>(*this, *context.executor)) {}

HookDesk::~HookDesk() {
  if (way_ != nullptr) way_->close();
}

std::size_t HookDesk::owed() const { return way_->owed.load(std::memory_order_relaxed); }

Executor& HookDesk::executor() { return *way_; }

std::uint64_t HookDesk::begin(std::vector<Settle> settles) {
  rounds_.emplace_hint(rounds_.end(), ++lastRound_,
                       Round{context_.clock->steady() + patience_, std::move(settles)});
  return lastRound_;
}

Completion<Hooks::Answers> HookDesk::completion(std::uint64_t round, std::size_t questions) {
  return [debt = std::make_shared<Debt>(way_, round, questions)](Hooks::Answers answers) {
    debt->answer(std::move(answers));
  };
}

/// Not from inside the turn that asks: what is settled may ask again.
void HookDesk::fail_soon(std::uint64_t round, const Error& error, std::size_t count) {
  way_->answer(round, Hooks::Answers(count, Result<Hooks::Decision>(error)));
}

void HookDesk::answered(std::uint64_t round, Hooks::Answers answers) {
  auto found = rounds_.extract(round);
  if (found.empty()) return;  // too late
  std::vector<Settle> settles = std::move(found.mapped().settles);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < settles.size(); ++i) {
    const bool usable = i < answers.size() && (!answers[i] || answers[i]->verdict != Hooks::Verdict::later);
    if (!usable || !answers[i]) ++failed;
    settles[i](usable ? std::move(answers[i])
                      : Error{ErrorCode::internal, "the host's hook gave no answer", {}});
  }
  if (failed > 0)
    context_.log->write(LogLevel::error, "hooks", "questions that have failed: " + std::to_string(failed));
}

void HookDesk::tick() {
  const auto now = context_.clock->steady();
  while (!rounds_.empty() && rounds_.begin()->second.deadline <= now) {
    std::vector<Settle> settles = std::move(rounds_.begin()->second.settles);
    rounds_.erase(rounds_.begin());
    context_.log->write(LogLevel::error, "hooks",
                        "questions not answered in time: " + std::to_string(settles.size()));
    for (Settle& settle : settles)
      settle(Error{ErrorCode::unavailable, "the host's hook did not answer in time", {}});
  }
}

}  // namespace chatcore::engine
