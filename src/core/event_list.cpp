#include "chatcore/model/event_list.hpp"

#include <algorithm>
#include <cstring>

namespace chatcore {

namespace {

constexpr std::size_t kLargestBlock = 64 * 1024;

std::string_view copy(std::string_view text, char*& to) {
  if (text.empty()) return {};
  std::memcpy(to, text.data(), text.size());
  const std::string_view copied(to, text.size());
  to += text.size();
  return copied;
}

}  // namespace

char* EventList::room_for(std::size_t bytes) {
  if (bytes > left_) {
    left_ = std::max(bytes, nextBlock_);
    nextBlock_ = std::min(nextBlock_ * 4, kLargestBlock);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    free_ = blocks_.back().get();
  }
  char* room = free_;
  free_ += bytes;
  left_ -= bytes;
  return room;
}

void EventList::push_back(const EventView& event) {
  char* to = room_for(event.senderId.size() + event.senderDeviceId.size() + event.clientMsgId.size() +
                      event.content.size());
  EventView& own = views_.emplace_back(event);
  own.senderId = copy(event.senderId, to);
  own.senderDeviceId = copy(event.senderDeviceId, to);
  own.clientMsgId = copy(event.clientMsgId, to);
  own.content = copy(event.content, to);
}

void EventList::reverse_from(std::size_t first) {
  std::reverse(views_.begin() + static_cast<std::ptrdiff_t>(first), views_.end());
}

void EventList::truncate(std::size_t count) {
  views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(std::min(count, views_.size())), views_.end());
}

}  // namespace chatcore
