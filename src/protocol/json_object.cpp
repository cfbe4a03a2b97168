#include "protocol/json_object.hpp"

#include <simdjson.h>

#include <string>

#include "protocol/json_check.hpp"

namespace chatcore::protocol {

bool is_json_object(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  auto failure = parser.parse(text.data(), text.size()).get(value);
  if (failure == simdjson::NUMBER_ERROR) {
    std::string softened(text);
    if (soften_large_integers(softened)) failure = parser.parse(softened).get(value);
  }
  if (failure != simdjson::SUCCESS) return false;
  return value.is_object() && JsonCheck().clean(value, 0);
}

}  // namespace chatcore::protocol
