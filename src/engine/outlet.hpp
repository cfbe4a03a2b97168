#pragma once

#include <string>
#include <string_view>

#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "protocol/encode.hpp"

namespace chatcore::engine {

/// A shard's gateway; to be called on that shard.
[[nodiscard]] GatewayCommands& gateway_of(const Context& context, std::uint32_t shard);

/// Likewise its outlet.
class Outlet;
[[nodiscard]] Outlet& outlet_on(const Context& context, std::uint32_t shard);

/// Frames and closes on their way to single sessions, of this shard or another.
class Outlet {
 public:
  explicit Outlet(Context& context) : context_(context) {}

  /// Encodes with `write(std::string&)` into a buffer that is used again, and sends.
  template <class Write>
  void send(SessionId session, Write write, const FrameInfo& info = {}) {
    scratch_.clear();
    write(scratch_);
    deliver(session, FrameRef::text(scratch_, info));
  }
  template <class Write>
  [[nodiscard]] FrameRef frame(Write write, const FrameInfo& info) {
    scratch_.clear();
    write(scratch_);
    return FrameRef::text(scratch_, info);
  }

  void deliver(SessionId session, const FrameRef& frame);
  void close(SessionId session, CloseCode code, std::uint32_t retryAfterMs = 0);

  /// Only if the request has an id: otherwise nobody could tell what is fine.
  void ok(SessionId session, const protocol::RequestId& id);
  void error(SessionId session, const protocol::RequestId& id, std::string_view clientMsgId,
             const Error& error, std::string_view details = {});

 private:
  Context& context_;
  std::string scratch_;
};

}  // namespace chatcore::engine
