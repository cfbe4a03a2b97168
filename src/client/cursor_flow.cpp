#include "client/cursor_flow.hpp"

#include <algorithm>

namespace chatcore::client {

namespace {

// 200 ids with their numbers stay well below the 64 KiB that servers take in a frame.
constexpr std::size_t kMarksPerFlush = 200;

}  // namespace

void CursorFlow::mark_dirty(Millis at, const ConversationId& id) {
  dirty_.insert(id);
  if (!flushAt_) flushAt_ = at;
}

CursorFlow::Cursor* CursorFlow::find_or_create(const ConversationId& id) {
  if (const auto known = cursors_.find(id); known != cursors_.end()) return &known->second;
  if (cursors_.size() >= limits_.conversations) return nullptr;
  return &cursors_[id];
}

bool CursorFlow::want(Millis now, const Watermark& mark) {
  Cursor* cursor = find_or_create(mark.conversationId);
  if (cursor == nullptr) return false;
  const std::pair wanted{mark.epoch, mark.seq};
  if (wanted <= cursor->wanted) return true;
  cursor->wanted = wanted;
  if (wanted > cursor->sent) mark_dirty(now + limits_.receiptFlush, mark.conversationId);
  return true;
}

void CursorFlow::known(const Watermark& mark) {
  Cursor* cursor = find_or_create(mark.conversationId);
  if (cursor == nullptr) return;
  const std::pair seen{mark.epoch, mark.seq};
  cursor->wanted = std::max(cursor->wanted, seen);
  cursor->sent = std::max(cursor->sent, seen);
  cursor->confirmed = std::max(cursor->confirmed, seen);
}

void CursorFlow::forget(const ConversationId& id) {
  cursors_.erase(id);
  dirty_.erase(id);
}

std::vector<Watermark> CursorFlow::take(Millis now) {
  std::vector<Watermark> out;
  if (!flushAt_ || *flushAt_ > now) return out;
  while (!dirty_.empty() && out.size() < kMarksPerFlush) {
    const ConversationId id = *dirty_.begin();
    dirty_.erase(dirty_.begin());
    Cursor& cursor = cursors_.at(id);
    if (cursor.wanted <= cursor.sent) continue;
    cursor.sent = cursor.wanted;
    out.push_back({id, cursor.wanted.first, cursor.wanted.second});
  }
  if (dirty_.empty()) flushAt_.reset();
  return out;
}

void CursorFlow::confirmed(const std::vector<Watermark>& marks) {
  for (const Watermark& mark : marks) {
    const auto at = cursors_.find(mark.conversationId);
    if (at == cursors_.end()) continue;
    at->second.confirmed = std::max(at->second.confirmed, std::pair{mark.epoch, mark.seq});
  }
}

void CursorFlow::failed(Millis now, const std::vector<Watermark>& marks, Millis pause) {
  for (const Watermark& mark : marks) {
    const auto at = cursors_.find(mark.conversationId);
    if (at == cursors_.end() || at->second.confirmed >= std::pair{mark.epoch, mark.seq}) continue;
    at->second.sent = at->second.confirmed;
    mark_dirty(now + pause, mark.conversationId);
  }
}

void CursorFlow::connection_lost(Millis now) {
  for (auto& [id, cursor] : cursors_) {
    if (cursor.wanted <= cursor.confirmed) continue;
    cursor.sent = cursor.confirmed;
    mark_dirty(now, id);
  }
}

}  // namespace chatcore::client
