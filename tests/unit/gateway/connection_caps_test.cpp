#include "gateway/connection_caps.hpp"

#include <doctest/doctest.h>

using chatcore::gateway::ConnectionCaps;
using Verdict = ConnectionCaps::Verdict;

TEST_CASE("the process takes so many connections, and one more for each that goes") {
  ConnectionCaps caps(3, 0);
  for (int i = 0; i < 3; ++i) CHECK(caps.admit(0) == Verdict::admitted);
  CHECK(caps.admit(0) == Verdict::process_full);
  caps.release(0);
  CHECK(caps.admit(0) == Verdict::admitted);
  CHECK(caps.admit(0) == Verdict::process_full);
  CHECK(caps.open() == 3);
}

TEST_CASE("an address has a number of its own, which the process's comes before") {
  ConnectionCaps caps(4, 2);
  const auto one = caps.name("192.0.2.1");
  const auto two = caps.name("192.0.2.2");
  CHECK(caps.admit(one) == Verdict::admitted);
  CHECK(caps.admit(one) == Verdict::admitted);
  CHECK(caps.admit(one) == Verdict::address_full);
  CHECK(caps.admit(two) == Verdict::admitted);
  CHECK(caps.admit(two) == Verdict::admitted);
  CHECK(caps.admit(one) == Verdict::process_full);
  caps.release(one);
  CHECK(caps.admit(two) == Verdict::address_full);
  CHECK(caps.admit(one) == Verdict::admitted);
}

TEST_CASE("addresses without connections are forgotten, and none are kept where they do not count") {
  ConnectionCaps caps(1'000'000, 5);
  for (int i = 0; i < 1'000; ++i) CHECK(caps.admit(caps.name(std::to_string(i))) == Verdict::admitted);
  CHECK(caps.addresses() == 1'000);
  for (int i = 0; i < 1'000; ++i) caps.release(caps.name(std::to_string(i)));
  CHECK(caps.addresses() == 0);
  CHECK(caps.open() == 0);
  ConnectionCaps uncounted(10, 0);
  CHECK(uncounted.name("192.0.2.1") == uncounted.name("192.0.2.2"));
  CHECK(uncounted.admit(uncounted.name("192.0.2.1")) == Verdict::admitted);
  CHECK(uncounted.addresses() == 0);
}

TEST_CASE("one IPv6 network is one address") {
  ConnectionCaps caps(10, 1);
  CHECK(caps.name("2001:db8::1") == caps.name("2001:db8::ffff:2"));
  CHECK(caps.name("2001:db8::1") != caps.name("2001:db8:0:1::1"));
  CHECK(caps.name("::ffff:192.0.2.1") == caps.name("192.0.2.1"));
}
