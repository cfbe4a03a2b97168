#include "engine/outlet.hpp"

#include "engine/engine_shard.hpp"

namespace chatcore::engine {

GatewayCommands& gateway_of(const Context& context, std::uint32_t shard) {
  return *(*context.shards)[shard]->context().gateway;
}

Outlet& outlet_on(const Context& context, std::uint32_t shard) { return (*context.shards)[shard]->outlet(); }

void Outlet::deliver(SessionId session, const FrameRef& frame) {
  const std::uint32_t shard = shard_of(session);
  if (context_.here(shard)) return context_.gateway->deliver(session, frame);
  context_.link->send(
      shard, [&gateway = gateway_of(context_, shard), session, frame] { gateway.deliver(session, frame); });
}

void Outlet::close(SessionId session, CloseCode code, std::uint32_t retryAfterMs) {
  const std::uint32_t shard = shard_of(session);
  if (context_.here(shard)) return context_.gateway->close(session, code, retryAfterMs);
  context_.link->send(shard, [&gateway = gateway_of(context_, shard), session, code, retryAfterMs] {
    gateway.close(session, code, retryAfterMs);
  });
}

void Outlet::ok(SessionId session, const protocol::RequestId& id) {
  if (!id.present()) return;
  send(session, [&](std::string& out) { protocol::append_ok(out, id); });
}

void Outlet::error(SessionId session, const protocol::RequestId& id, std::string_view clientMsgId,
                   const Error& error, std::string_view details) {
  send(session, [&](std::string& out) { protocol::append_error(out, id, clientMsgId, error, details); });
}

}  // namespace chatcore::engine
