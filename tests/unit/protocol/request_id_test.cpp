#include <doctest/doctest.h>

#include "protocol/request_id.hpp"

using chatcore::protocol::RequestId;

namespace {

std::string member(const RequestId& id) {
  std::string out;
  id.append_member(out);
  return out;
}

}  // namespace

TEST_CASE("a request id is written as it was read") {
  CHECK(member({}).empty());
  CHECK(member(RequestId::number(0)) == R"(,"id":0)");
  CHECK(member(RequestId::number(18446744073709551615ULL)) == R"(,"id":18446744073709551615)");
  CHECK(member(RequestId::text("")) == R"(,"id":"")");
  CHECK(member(RequestId::text("a\"b\\c\n\x01")) == R"(,"id":"a\"b\\c\u000a\u0001")");
  CHECK(member(RequestId::raw_text(R"(a\/\u0041)")) == R"(,"id":"a\/\u0041")");
}

TEST_CASE("request ids differ by kind and by value") {
  CHECK(RequestId::number(7) == RequestId::number(7));
  CHECK_FALSE(RequestId::number(7) == RequestId::number(8));
  CHECK_FALSE(RequestId::number(7) == RequestId::text("7"));
  CHECK_FALSE(RequestId::number(0) == RequestId());
  CHECK_FALSE(RequestId::text("") == RequestId());
}
