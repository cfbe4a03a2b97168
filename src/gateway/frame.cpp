#include "chatcore/gateway/frame.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>

#include "gateway/websocket_frame.hpp"

namespace chatcore {

Frame* Frame::make(std::string_view header, std::string_view payload, const FrameInfo& info) {
  assert(info.markKey.size() <= std::numeric_limits<std::uint8_t>::max());
  const std::size_t wireSize = header.size() + payload.size();
  void* memory = ::operator new(sizeof(Frame) + wireSize + info.markKey.size());
  Frame* frame = ::new (memory) Frame();
  char* bytes = static_cast<char*>(memory) + sizeof(Frame);
  bytes = std::copy(header.begin(), header.end(), bytes);
  bytes = std::copy(payload.begin(), payload.end(), bytes);
  std::copy(info.markKey.begin(), info.markKey.end(), bytes);
  frame->wireSize_ = static_cast<std::uint32_t>(wireSize);
  frame->headerSize_ = static_cast<std::uint8_t>(header.size());
  frame->markKeySize_ = static_cast<std::uint8_t>(info.markKey.size());
  frame->markNumber_ = info.markNumber;
  frame->class_ = info.deliveryClass;
  return frame;
}

Frame* Frame::make_text(std::string_view payload, const FrameInfo& info) {
  char header[gateway::kMaxServerFrameHeaderBytes];
  const std::size_t size = gateway::write_frame_header(header, gateway::Opcode::text, payload.size());
  return make({header, size}, payload, info);
}

Frame* Frame::make_raw(std::string_view wire) { return make({}, wire, {}); }

void Frame::release_references(std::uint32_t count) noexcept {
  if (references_.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  this->~Frame();
  ::operator delete(this);
}

}  // namespace chatcore
