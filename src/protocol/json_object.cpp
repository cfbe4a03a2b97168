#include "protocol/json_object.hpp"

#include <simdjson.h>

#include "protocol/json_check.hpp"

namespace chatcore::protocol {

bool is_json_object(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  if (parser.parse(text.data(), text.size()).get(value) != simdjson::SUCCESS) return false;
  return value.is_object() && JsonCheck().clean(value, 0);
}

}  // namespace chatcore::protocol
