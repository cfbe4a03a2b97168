#include "chatcore/error.hpp"

namespace chatcore {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::bad_json:
      return "bad_json";
    case ErrorCode::bad_request:
      return "bad_request";
    case ErrorCode::unknown_type:
      return "unknown_type";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::not_a_member:
      return "not_a_member";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::blocked:
      return "blocked";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::retry_in_order:
      return "retry_in_order";
    case ErrorCode::idempotency_conflict:
      return "idempotency_conflict";
    case ErrorCode::stale_devices:
      return "stale_devices";
    case ErrorCode::overloaded:
      return "overloaded";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::io_error:
      return "io_error";
    case ErrorCode::corrupted:
      return "corrupted";
    case ErrorCode::fenced:
      return "fenced";
    case ErrorCode::out_of_range:
      return "out_of_range";
    case ErrorCode::cancelled:
      return "cancelled";
  }
  return "internal";
}

}  // namespace chatcore
