#include "seam/ordered_link.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <utility>

using namespace chatcore::seam;
using namespace std::chrono_literals;

namespace {

using Millis = std::chrono::milliseconds;

constexpr chatcore::SeamLinkOptions kOptions{
    .beat = 1'000ms, .resendAfter = 300ms, .silence = 5'000ms, .maxUnacknowledged = 1'000};

PacketView view(const Packet& packet) {
  return {packet.kind,   "peer",
          packet.link,   packet.end,
          packet.seq,    packet.ack,
          packet.sentAt, packet.body != nullptr ? std::string_view(*packet.body) : std::string_view()};
}

/// One end, what it has put on the other's channel, and what it has taken in.
struct End {
  OrderedLink link{kOptions, 7, 0ms};
  std::vector<Packet> out;
  std::string taken;

  void send(const std::string& text, Millis now = 0ms) { link.send(text, now, out); }
  void hear(const Packet& packet, Millis now = 0ms) {
    if (link.receive(view(packet), now, out)) taken += *packet.body;
  }
  void hear_all(const std::vector<Packet>& packets, Millis now = 0ms) {
    for (const Packet& packet : packets) hear(packet, now);
  }
  std::vector<Packet> take_out() { return std::exchange(out, {}); }
};

std::vector<PacketKind> kinds(const std::vector<Packet>& packets) {
  std::vector<PacketKind> all;
  for (const Packet& packet : packets) all.push_back(packet.kind);
  return all;
}

}  // namespace

TEST_CASE("what is sent over a link arrives in order") {
  End a;
  End b;
  for (const char* text : {"x", "y", "z"}) a.send(text);
  b.hear_all(a.take_out());
  CHECK(b.taken == "xyz");
}

TEST_CASE("what comes twice is taken in once, whenever the second one comes") {
  End a;
  End b;
  a.send("x");
  a.send("y");
  const auto sent = a.take_out();
  b.hear_all({sent[0], sent[0], sent[1], sent[0], sent[1]});
  CHECK(b.taken == "xy");
}

TEST_CASE("behind a gap nothing is taken in, and what is missing is asked for") {
  End a;
  End b;
  for (const char* text : {"x", "y", "z"}) a.send(text);
  const auto sent = a.take_out();
  b.hear(sent[0]);
  b.hear(sent[2]);
  CHECK(b.taken == "x");
  const auto asked = b.take_out();
  REQUIRE(kinds(asked) == std::vector{PacketKind::resend});
  CHECK(asked[0].ack == 1);
  a.hear_all(asked);
  b.hear_all(a.take_out());
  CHECK(b.taken == "xyz");
}

TEST_CASE("a gap is asked about once for a while, and what was asked for is sent once for a while") {
  End a;
  End b;
  for (const char* text : {"x", "y", "z"}) a.send(text);
  const auto sent = a.take_out();
  b.hear(sent[1]);
  b.hear(sent[2]);
  CHECK(b.out.size() == 1);
  b.hear(sent[2], 299ms);
  CHECK(b.out.size() == 1);
  b.hear(sent[2], 300ms);
  const auto asked = b.take_out();
  CHECK(asked.size() == 2);
  a.hear(asked[0], 300ms);
  a.hear(asked[1], 400ms);
  CHECK(a.take_out().size() == 3);
  a.hear(asked[1], 600ms);
  CHECK(a.take_out().size() == 3);
}

TEST_CASE("of much that is missing a part is sent again at once, and the rest when that has come") {
  End a;
  End b;
  const std::string large(400'000, 'x');
  for (int i = 0; i < 8; ++i) a.send(large);
  const auto sent = a.take_out();
  b.hear(sent[7]);
  std::vector<std::size_t> rounds;
  for (int i = 0; i < 5 && b.taken.size() < 8 * large.size(); ++i) {
    a.hear_all(b.take_out());
    const auto again = a.take_out();
    rounds.push_back(again.size());
    b.hear_all(again);
  }
  CHECK(rounds.at(0) == 3);
  CHECK(rounds.size() < 5);
  CHECK(b.taken.size() == 8 * large.size());
}

TEST_CASE("the loss of the last thing said is found out by the next beat") {
  End a;
  End b;
  a.send("x");
  a.take_out();
  a.link.tick(300ms, a.out);
  b.hear_all(a.take_out(), 300ms);
  a.hear_all(b.take_out(), 300ms);
  b.hear_all(a.take_out(), 300ms);
  CHECK(b.taken == "x");
}

TEST_CASE("what was taken in is acknowledged by the next tick, or by what goes the other way") {
  End a;
  End b;
  a.send("x");
  b.hear_all(a.take_out());
  SUBCASE("by a beat") {
    b.link.tick(100ms, b.out);
    const auto said = b.take_out();
    REQUIRE(kinds(said) == std::vector{PacketKind::beat});
    CHECK(said[0].ack == 1);
  }
  SUBCASE("by data") {
    b.send("y");
    CHECK(b.take_out()[0].ack == 1);
    b.link.tick(100ms, b.out);
    CHECK(b.out.empty());
  }
}

TEST_CASE("a repetition is acknowledged once more, since the acknowledgement may have been lost") {
  End a;
  End b;
  a.send("x");
  const auto sent = a.take_out();
  b.hear_all(sent);
  b.link.tick(100ms, b.out);
  b.take_out();
  b.hear_all(sent, 200ms);
  b.link.tick(200ms, b.out);
  CHECK(kinds(b.out) == std::vector{PacketKind::beat});
}

TEST_CASE("a link with nothing to say says so every beat") {
  End a;
  a.link.tick(999ms, a.out);
  CHECK(a.out.empty());
  a.link.tick(1'000ms, a.out);
  CHECK(kinds(a.take_out()) == std::vector{PacketKind::beat});
  a.link.tick(1'900ms, a.out);
  CHECK(a.out.empty());
}

TEST_CASE("a link that hears nothing is silent, and one that hears a beat is not") {
  End a;
  CHECK(a.link.health(4'999ms) == OrderedLink::Health::good);
  CHECK(a.link.health(5'000ms) == OrderedLink::Health::silent);
  Packet beat;
  beat.link = 7;
  a.hear(beat, 4'000ms);
  CHECK(a.link.health(5'000ms) == OrderedLink::Health::good);
  CHECK(a.link.health(9'000ms) == OrderedLink::Health::silent);
}

TEST_CASE("a link that is not acknowledged is overrun once more than its bound is on the way") {
  End a;
  a.send(std::string(1'000, 'x'));
  CHECK(a.link.health(0ms) == OrderedLink::Health::good);
  a.send("y");
  CHECK(a.link.health(0ms) == OrderedLink::Health::overrun);
  Packet beat;
  beat.link = 7;
  beat.ack = 1;
  a.hear(beat);
  CHECK(a.link.health(0ms) == OrderedLink::Health::good);
}

TEST_CASE("an acknowledgement of what was never sent does not acknowledge what is sent next") {
  End a;
  a.send("x");
  a.take_out();
  Packet beat;
  beat.link = 7;
  beat.ack = UINT64_MAX;
  a.hear(beat);
  a.send("y");
  a.take_out();
  Packet asking;
  asking.kind = PacketKind::resend;
  asking.link = 7;
  asking.ack = 1;
  a.hear(asking);
  const auto again = a.take_out();
  REQUIRE(again.size() == 1);
  CHECK(again[0].seq == 2);
}

TEST_CASE("a link on which nothing gets through is stuck, though it is heard") {
  End a;
  a.send("x");
  Packet beat;
  beat.link = 7;
  a.hear(beat, 4'900ms);
  CHECK(a.link.health(4'999ms) == OrderedLink::Health::good);
  CHECK(a.link.health(5'000ms) == OrderedLink::Health::stuck);
  beat.ack = 1;
  a.hear(beat, 5'000ms);
  CHECK(a.link.health(9'000ms) == OrderedLink::Health::good);
}

TEST_CASE("a link is congested half way to its bound") {
  End a;
  a.send(std::string(500, 'x'));
  CHECK_FALSE(a.link.congested());
  a.send("y");
  CHECK(a.link.congested());
}

TEST_CASE("the other end's time is told by the packet that came fastest") {
  End b;
  Packet beat;
  beat.link = 7;
  beat.sentAt = 1'000ms;
  b.hear(beat, 5'050ms);
  CHECK(b.link.here(2'000ms) == 6'050ms);
  beat.sentAt = 2'000ms;
  b.hear(beat, 6'001ms);
  CHECK(b.link.here(2'000ms) == 6'001ms);
  beat.sentAt = 3'000ms;
  b.hear(beat, 7'900ms);
  CHECK(b.link.here(2'000ms) == 6'001ms);
}

TEST_CASE("clocks that drift apart are followed, and one wild time is forgotten") {
  End b;
  Packet beat;
  beat.link = 7;
  beat.sentAt = 900'000'000ms;
  b.hear(beat, 1'000ms);
  Millis there = 1'000ms;
  for (Millis now = 1'000ms; now < 300'000ms; now += 1'000ms, there += 990ms) {
    beat.sentAt = there;
    b.hear(beat, now);
  }
  const Millis off = b.link.here(there) - 300'000ms;
  CHECK(off <= 0ms);
  CHECK(off >= -1'300ms);
}

TEST_CASE("over channels that lose, repeat and delay everything arrives once and in order, both ways") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto percent = [&](unsigned chance) { return random() % 100 < chance; };
    End ends[2];
    std::deque<std::pair<Millis, Packet>> ways[2];
    std::string said[2];
    for (Millis now = 0ms; now < 60'000ms; now += 50ms) {
      const bool trouble = now < 40'000ms;
      for (int i : {0, 1}) {
        if (now < 30'000ms && percent(10)) {
          const std::string text(1, static_cast<char>('a' + random() % 26));
          said[i] += text;
          ends[i].send(text, now);
        }
        if (now.count() % 100 == 0) ends[i].link.tick(now, ends[i].out);
        for (const Packet& packet : ends[i].take_out()) {
          if (trouble && percent(30)) continue;
          for (int copies = trouble && percent(20) ? 2 : 1; copies > 0; --copies)
            ways[i].push_back({now + Millis(random() % 400), packet});
        }
      }
      for (int i : {0, 1})
        while (!ways[i].empty() && ways[i].front().first <= now) {
          const Packet packet = ways[i].front().second;
          ways[i].pop_front();
          ends[1 - i].hear(packet, now);
        }
    }
    INFO("seed " << seed);
    CHECK(ends[1].taken == said[0]);
    CHECK(ends[0].taken == said[1]);
  }
}
