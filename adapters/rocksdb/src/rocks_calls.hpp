#pragma once

#include "engine.hpp"
#include "log_reader.hpp"

/// How the ports' calls reach the committer and the readers, and what they are told when they cannot.
namespace chatcore::rocks {

/// Hands a batch to the committer; if it is not taken, every item is answered with the reason.
template <class Answer, class Request>
void submit_write(Engine& engine, std::vector<Request> batch, Executor& executor,
                  Completion<std::vector<Answer>> done, Committer::Weight weight) {
  AnyCall call = Call<Request, Answer>{std::move(batch), &executor, std::move(done), {}};
  if (engine.write(call, weight) == Admission::taken) return;
  auto& mine = std::get<Call<Request, Answer>>(call);
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < mine.batch.size(); ++i) {
    if constexpr (std::is_same_v<Answer, AppendResult>) {
      answers.emplace_back().error = engine.not_admitted();
      answers.back().request = std::move(mine.batch[i]);
    } else {
      answers.emplace_back(engine.not_admitted());
    }
  }
  complete(executor, std::move(mine.done), std::move(answers));
}

/// Answers a batch item by item on a reader thread: `answer(LogReader&, request)`.
template <class Answer, class Request, class Read>
void submit_read(Engine& engine, std::vector<Request> batch, Executor& executor,
                 Completion<std::vector<Answer>> done, Read answer) {
  struct Work {
    std::vector<Request> batch;
    Completion<std::vector<Answer>> done;
  };
  const std::size_t size = batch.size();
  auto work = std::make_unique<Work>(Work{std::move(batch), std::move(done)});
  Work* const mine = work.get();
  Task task = [&engine, &executor, work = std::move(work), answer] {
    std::vector<Answer> answers;
    answers.reserve(work->batch.size());
    {
      LogReader reader(engine.database(), engine.journal());
      for (const Request& request : work->batch) answers.push_back(answer(reader, request));
    }
    complete(executor, std::move(work->done), std::move(answers));
  };
  if (engine.read(task, size)) return;
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < size; ++i) answers.emplace_back(engine.not_admitted());
  complete(executor, std::move(mine->done), std::move(answers));
}

/// Answers a batch at once, item by item, if all that it needs is in memory.
template <class Answer, class Request, class Read>
bool read_in_memory(Engine& engine, const std::vector<Request>& batch, std::vector<Answer>& answers,
                    Read answer) {
  LogReader reader(engine.database(), engine.journal(), true);
  answers.reserve(batch.size());
  for (const Request& request : batch) {
    answers.push_back(answer(reader, request));
    if (!answers.back()) return false;
  }
  return true;
}

/// A short read: on the caller's thread what is in memory, since waking two threads costs more than most of
/// them; on a reader thread what is not.
template <class Answer, class Request, class Read>
void submit_brief_read(Engine& engine, std::vector<Request> batch, Executor& executor,
                       Completion<std::vector<Answer>> done, Read answer) {
  std::vector<Answer> answers;
  if (engine.running() && read_in_memory(engine, batch, answers, answer))
    return complete(executor, std::move(done), std::move(answers));
  submit_read<Answer>(engine, std::move(batch), executor, std::move(done), answer);
}

}  // namespace chatcore::rocks
