#include "engine/receipt_pushes.hpp"

#include <doctest/doctest.h>

namespace chatcore::engine {

namespace {

constexpr std::int64_t kInterval = 1'000;

void check_told(const std::optional<ReceiptTrack::Told>& told, Seq before, Seq seq) {
  REQUIRE(told.has_value());
  CHECK_EQ(told->before, before);
  CHECK_EQ(told->seq, seq);
}

}  // namespace

TEST_CASE("the first move is told at once, the next ones together when the interval is over") {
  ReceiptTrack track;
  check_told(track.moved(0, 1, 0, kInterval), 0, 1);
  for (Seq seq = 2; seq <= 50; ++seq)
    CHECK_FALSE(track.moved(seq - 1, seq, static_cast<std::int64_t>(seq), kInterval));
  CHECK_FALSE(track.take(kInterval - 1, kInterval));
  check_told(track.take(kInterval, kInterval), 1, 50);
  CHECK_FALSE(track.take(10 * kInterval, kInterval));
}

TEST_CASE("what is told when the interval is over counts as the first of the next one") {
  ReceiptTrack track;
  check_told(track.moved(0, 1, 0, kInterval), 0, 1);
  CHECK_FALSE(track.moved(1, 2, 500, kInterval));
  check_told(track.take(1'100, kInterval), 1, 2);
  CHECK_FALSE(track.moved(2, 3, 2'000, kInterval));
  check_told(track.take(2'100, kInterval), 2, 3);
}

TEST_CASE("moves that are told out of order leave the widest way") {
  ReceiptTrack track;
  check_told(track.moved(0, 1, 0, kInterval), 0, 1);
  CHECK_FALSE(track.moved(4, 9, 1, kInterval));
  CHECK_FALSE(track.moved(1, 4, 2, kInterval));
  check_told(track.take(kInterval, kInterval), 1, 9);
}

TEST_CASE("a move that comes late by itself takes along what was held back") {
  ReceiptTrack track;
  check_told(track.moved(0, 1, 0, kInterval), 0, 1);
  CHECK_FALSE(track.moved(1, 2, 10, kInterval));
  check_told(track.moved(2, 5, kInterval, kInterval), 1, 5);
  CHECK_FALSE(track.holds());
}

TEST_CASE("without an interval every move is told") {
  ReceiptTrack track;
  check_told(track.moved(0, 1, 7, 0), 0, 1);
  check_told(track.moved(1, 2, 7, 0), 1, 2);
}

}  // namespace chatcore::engine
