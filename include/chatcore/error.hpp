#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "chatcore/version.hpp"

namespace chatcore {

/// What went wrong, in the words a client is told. The first block is the wire's (a client reads these
/// names in an `error` frame); the second never leaves the server under its own name.
enum class ErrorCode : std::uint8_t {
  bad_json,              ///< the frame is not one I-JSON object
  bad_request,           ///< a field is missing, of the wrong type, or out of range
  unknown_type,          ///< no such command
  unsupported,           ///< a known command or field that this server cannot honour
  unauthorized,          ///< no valid credentials
  forbidden,             ///< known who, not allowed to
  not_a_member,          ///< not a member of the conversation, or no such conversation
  not_found,             ///< the thing named does not exist
  blocked,               ///< the caller blocked the other side; told to nobody else
  too_large,             ///< over a size limit
  rate_limited,          ///< over a rate limit; retry after `retryAfter`
  retry_in_order,        ///< an earlier command of this session to this conversation failed: send that first
  idempotency_conflict,  ///< the same clientMsgId with another payload
  stale_devices,         ///< the envelope list does not match the recipients' devices
  overloaded,            ///< a bound was reached; retry later
  unavailable,           ///< a dependency did not answer or its answer is unknown; retry with the same id
  internal,              ///< our own defect

  invalid_argument,  ///< a host's configuration or call is wrong; retrying does not help
  io_error,          ///< the operating system refused
  corrupted,         ///< stored data fails its check; never served
  fenced,            ///< another owner with a higher term has taken over
  out_of_range,      ///< from before what is still known: begin anew
  cancelled,         ///< shut down before the answer came
};

/// The code's name: the wire's spelling for the first block.
CHATCORE_API std::string_view to_string(ErrorCode code) noexcept;

/// A failure of the network, the disk or a caller. Defects of chatcore itself are assertions instead.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;                      ///< for people; carries no secrets
  std::chrono::milliseconds retryAfter{0};  ///< 0: no advice

  /// Whether the same request may succeed later unchanged (with the same clientMsgId).
  [[nodiscard]] bool temporary() const noexcept {
    return code == ErrorCode::rate_limited || code == ErrorCode::overloaded ||
           code == ErrorCode::unavailable || code == ErrorCode::fenced || code == ErrorCode::retry_in_order;
  }
};

}  // namespace chatcore
