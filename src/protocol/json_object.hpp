#pragma once

#include <string_view>

namespace chatcore::protocol {

/// Whether `text` is one I-JSON object, as the decoder asks of clients. For what hosts hand in; not for hot
/// paths.
[[nodiscard]] bool is_json_object(std::string_view text);

}  // namespace chatcore::protocol
