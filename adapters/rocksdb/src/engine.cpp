#include "engine.hpp"

#include "log_reader.hpp"

namespace chatcore::rocks {

Result<std::unique_ptr<Engine>> Engine::open(const RocksdbOptions& options, Tuning tuning) {
  auto database = Database::open(options, std::move(tuning));
  if (!database) return std::move(database).error();
  auto journal = std::make_unique<Journal>(**database);
  if (Status loaded = journal->load(); !loaded) return std::move(loaded).error();
  return std::make_unique<Engine>(std::move(*database), std::move(journal));
}

Engine::Engine(std::unique_ptr<Database> database, std::unique_ptr<Journal> journal)
    : database_(std::move(database)),
      journal_(std::move(journal)),
      readers_(database_->options().readerThreads, database_->options().maxPendingReads),
      folder_(*database_, *journal_,
              {[this](AnyCall call) { return submit(std::move(call)); },
               [this](std::uint64_t lastRow) { folded(lastRow); }}),
      committer_(*database_, *journal_,
                 {[this](ClaimCall call) { claimed(std::move(call)); },
                  [this](std::shared_ptr<const void> garbage) { committed(std::move(garbage)); },
                  [this] { folder_.discard(journal_->folded()); }}) {}

void Engine::stop() {
  stopped_.store(true);
  // In this order each one's last result still finds its taker.
  folder_.stop();
  committer_.stop();
  readers_.stop();
}

Error Engine::not_admitted() {
  if (stopped_.load()) return Error{.code = ErrorCode::cancelled, .message = "the store is closed"};
  return Error{.code = ErrorCode::overloaded, .message = "too much waits for the store"};
}

void Engine::claimed(ClaimCall call) {
  // The terms are stored, nobody else's append can come between: now read what the owners take over.
  auto held = std::make_unique<ClaimCall>(std::move(call));
  Task task = [this, held = std::move(held)] {
    LogReader reader(*database_, *journal_);
    for (std::size_t i = 0; i < held->batch.size(); ++i) {
      Result<LogState>& answer = held->answers[i];
      if (answer && answer->exists) answer = reader.state(held->batch[i].log);
    }
    complete(*held->executor, std::move(held->done), std::move(held->answers));
  };
  // Readers stop after the committer, so this is always taken.
  if (!readers_.resubmit(task)) task();
}

void Engine::committed(std::shared_ptr<const void> garbage) {
  folder_.discard(std::move(garbage));
  if (!journal_->folding() && journal_->committer_size() > database_->options().foldThreshold)
    folder_.fold(journal_->freeze());
}

bool Engine::submit(AnyCall call) { return committer_.submit(call, {0, 0}) == Admission::taken; }

void Engine::folded(std::uint64_t lastRow) {
  AnyCall call = FoldedCall{lastRow};
  // If the committer has stopped, the rows stay and are folded again after the next open: harmless.
  static_cast<void>(committer_.submit(call, {0, 0}));
}

}  // namespace chatcore::rocks
