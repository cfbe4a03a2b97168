#include "scheduler.hpp"

#include <algorithm>
#include <utility>

namespace chatcore::simulation {

Scheduler::Lane Scheduler::open() {
  if (vacant_.empty()) {
    vacant_.push_back(static_cast<Lane>(lanes_.size()));
    lanes_.emplace_back();
  }
  const Lane lane = vacant_.back();
  vacant_.pop_back();
  lanes_[lane].place = Place::idle;
  lanes_[lane].once = false;
  return lane;
}

void Scheduler::clear(Lane lane) {
  Slot& slot = lanes_[lane];
  const std::deque<Item> dropped = std::exchange(slot.items, {});
  if (slot.place == Place::ready) std::erase(ready_, lane);
  slot.place = Place::idle;
  slot.stamp = ++stamps_;
}

void Scheduler::close(Lane lane) {
  clear(lane);
  lanes_[lane].place = Place::vacant;
  vacant_.push_back(lane);
}

void Scheduler::drop_all() {
  for (Lane lane = 0; lane < lanes_.size(); ++lane)
    if (lanes_[lane].place != Place::vacant) clear(lane);
}

void Scheduler::post(Lane lane, Millis delay, Task task) {
  Slot& slot = lanes_[lane];
  slot.items.push_back({now() + delay, std::move(task)});
  if (slot.place == Place::idle) place(lane);
}

void Scheduler::at(Millis due, Task task) {
  const Lane lane = open();
  lanes_[lane].once = true;
  post(lane, due - now(), std::move(task));
}

void Scheduler::place(Lane lane) {
  Slot& slot = lanes_[lane];
  if (slot.items.empty()) {
    slot.place = Place::idle;
  } else if (slot.items.front().due <= now()) {
    slot.place = Place::ready;
    ready_.push_back(lane);
  } else {
    slot.place = Place::waiting;
    slot.stamp = ++stamps_;
    waiting_.push({slot.items.front().due, slot.stamp, lane});
  }
}

void Scheduler::promote() {
  while (!waiting_.empty() && waiting_.top().due <= now()) {
    const Waiting top = waiting_.top();
    waiting_.pop();
    Slot& slot = lanes_[top.lane];
    if (slot.place != Place::waiting || slot.stamp != top.stamp) continue;
    slot.place = Place::ready;
    ready_.push_back(top.lane);
  }
}

bool Scheduler::step(Millis limit) {
  promote();
  while (ready_.empty()) {
    if (waiting_.empty() || waiting_.top().due > limit) {
      if (now() < limit) clock_.advance(limit - now());
      return false;
    }
    clock_.advance(waiting_.top().due - now());
    promote();
  }
  const std::size_t chosen = choices_.index(ready_.size());
  const Lane lane = ready_[chosen];
  ready_[chosen] = ready_.back();
  ready_.pop_back();
  trace_.mix(lane);
  trace_.mix(static_cast<std::uint64_t>(now().count()));
  ++steps_;
  Slot& slot = lanes_[lane];
  Task task = std::move(slot.items.front().task);
  slot.items.pop_front();
  place(lane);
  if (slot.once) close(lane);
  task();
  return true;
}

}  // namespace chatcore::simulation
