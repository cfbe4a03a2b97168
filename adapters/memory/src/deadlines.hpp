#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <utility>

namespace chatcore::memory {

/// Which leases are due. `Entry` has `deadline` and `scheduled`; a renewal that only moves the deadline later
/// costs nothing here: the entry is looked at when it was scheduled and put back. Exactly one node per lease.
template <class Entry>
class Deadlines {
 public:
  using Time = std::chrono::milliseconds;

  void add(Entry& entry, Time deadline) {
    entry.deadline = entry.scheduled = deadline;
    order_.emplace(deadline, &entry);
  }
  void move(Entry& entry, Time deadline) {
    entry.deadline = deadline;
    if (deadline < entry.scheduled) reschedule(entry);
  }
  void remove(Entry& entry) { order_.erase({entry.scheduled, &entry}); }

  /// Calls `expire(entry)`, which must `remove` it, for every due entry; looks at no more than `limit`.
  /// Says whether some may be left.
  template <class Expire>
  bool sweep(Time now, std::size_t limit, Expire expire) {
    for (; !order_.empty() && order_.begin()->first <= now; --limit) {
      if (limit == 0) return true;
      Entry& entry = *order_.begin()->second;
      if (entry.deadline <= now) {
        expire(entry);
      } else {
        reschedule(entry);
      }
    }
    return false;
  }

 private:
  void reschedule(Entry& entry) {
    auto node = order_.extract({entry.scheduled, &entry});
    entry.scheduled = entry.deadline;
    node.value().first = entry.scheduled;
    order_.insert(std::move(node));
  }

  std::set<std::pair<Time, Entry*>> order_;
};

}  // namespace chatcore::memory
