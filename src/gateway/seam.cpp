#include "chatcore/gateway/seam.hpp"

#include "chatcore/ports/fan_out.hpp"
#include "chatcore/ports/routing.hpp"
#include "chatcore/ports/transport.hpp"

namespace chatcore {

GatewayEvents::~GatewayEvents() = default;
GatewayCommands::~GatewayCommands() = default;
TransportEvents::~TransportEvents() = default;
Transport::~Transport() = default;
Router::~Router() = default;
FanOut::~FanOut() = default;

std::optional<CloseCode> GatewayEvents::overdue(SessionId) { return CloseCode::unauthorized; }

std::string_view to_string(CloseCode code) noexcept {
  switch (code) {
    case CloseCode::draining:
      return "draining";
    case CloseCode::slow_consumer:
      return "slow_consumer";
    case CloseCode::heartbeat_timeout:
      return "heartbeat_timeout";
    case CloseCode::internal:
      return "internal";
    case CloseCode::overloaded:
      return "overloaded";
    case CloseCode::unauthorized:
      return "unauthorized";
    case CloseCode::token_expired:
      return "token_expired";
    case CloseCode::replaced:
      return "replaced";
    case CloseCode::too_many_devices:
      return "too_many_devices";
    case CloseCode::device_removed:
      return "device_removed";
    case CloseCode::protocol_abuse:
      return "protocol_abuse";
    case CloseCode::normal:
    case CloseCode::protocol_error:
    case CloseCode::unsupported_data:
    case CloseCode::invalid_payload:
    case CloseCode::policy_violation:
    case CloseCode::message_too_big:
      return {};
  }
  return {};
}

}  // namespace chatcore
