#include "core/mailbox.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <semaphore>
#include <thread>

using chatcore::Mailbox;
using chatcore::Task;

namespace {

void run(Mailbox& mailbox) {
  std::vector<Task> tasks;
  mailbox.take(tasks);
  for (Task& task : tasks) task();
}

}  // namespace

TEST_CASE("tasks come out in the order they went in, alone or in batches") {
  Mailbox mailbox;
  std::vector<int> ran;
  const auto task = [&](int number) { return Task([&ran, number] { ran.push_back(number); }); };
  std::vector<Task> batch;
  batch.push_back(task(1));
  batch.push_back(task(2));
  CHECK_FALSE(mailbox.push(batch));
  CHECK(batch.empty());
  CHECK_FALSE(mailbox.push(task(3)));
  batch.push_back(task(4));
  CHECK_FALSE(mailbox.push(batch));
  CHECK(batch.empty());
  run(mailbox);
  CHECK(ran == std::vector{1, 2, 3, 4});
  run(mailbox);
  CHECK(ran.size() == 4);
}

TEST_CASE("only a sleeper is woken, and once") {
  Mailbox mailbox;
  CHECK_FALSE(mailbox.push([] {}));
  run(mailbox);
  CHECK(mailbox.sleep());
  CHECK(mailbox.push([] {}));
  CHECK_FALSE(mailbox.push([] {}));
  mailbox.awake();
  run(mailbox);
  CHECK(mailbox.sleep());
  mailbox.awake();
  std::vector<Task> batch;
  batch.emplace_back([] {});
  CHECK_FALSE(mailbox.push(batch));
}

TEST_CASE("who has tasks waiting may not sleep, and is not woken for having tried") {
  Mailbox mailbox;
  CHECK_FALSE(mailbox.push([] {}));
  CHECK_FALSE(mailbox.sleep());
  CHECK_FALSE(mailbox.push([] {}));
  run(mailbox);
  CHECK(mailbox.sleep());
}

TEST_CASE("no task is lost, doubled or overtaken, and no sleeper forgotten, with two threads sending") {
  constexpr int kEach = 20'000;
  Mailbox mailbox;
  std::counting_semaphore<> wake(0);
  int received[2] = {0, 0};
  bool ordered = true;
  const auto sender = [&](int who) {
    std::vector<Task> batch;
    for (int i = 0; i < kEach; ++i) {
      batch.emplace_back([&received, &ordered, who, i] { ordered = ordered && received[who]++ == i; });
      if (batch.size() < static_cast<std::size_t>(i % 3 + 1)) continue;
      if (mailbox.push(batch)) wake.release();
    }
    if (!batch.empty() && mailbox.push(batch)) wake.release();
  };
  std::thread first(sender, 0), second(sender, 1);
  bool forgotten = false;
  std::vector<Task> tasks;
  while (received[0] + received[1] < 2 * kEach && !forgotten) {
    mailbox.take(tasks);
    for (Task& task : tasks) task();
    const bool idle = tasks.empty();
    tasks.clear();
    if (!idle || !mailbox.sleep()) continue;
    forgotten = !wake.try_acquire_for(std::chrono::seconds(20));
    mailbox.awake();
  }
  first.join();
  second.join();
  CHECK_FALSE(forgotten);
  CHECK(ordered);
  CHECK(received[0] == kEach);
  CHECK(received[1] == kEach);
}
