#include "protocol/request_id.hpp"

#include "protocol/json_write.hpp"

namespace chatcore::protocol {

RequestId RequestId::number(std::uint64_t value) {
  RequestId id;
  id.kind_ = Kind::number;
  id.number_ = value;
  return id;
}

RequestId RequestId::text(std::string_view value) {
  RequestId id;
  id.kind_ = Kind::text;
  append_escaped(id.text_, value);
  return id;
}

RequestId RequestId::raw_text(std::string_view escaped) {
  RequestId id;
  id.kind_ = Kind::text;
  id.text_ = escaped;
  return id;
}

void RequestId::append_value(std::string& out) const {
  if (kind_ == Kind::number) append_number(out, number_);
  if (kind_ == Kind::text) {
    out += '"';
    out += text_;
    out += '"';
  }
}

void RequestId::append_member(std::string& out) const {
  if (!present()) return;
  out += ",\"id\":";
  append_value(out);
}

}  // namespace chatcore::protocol
