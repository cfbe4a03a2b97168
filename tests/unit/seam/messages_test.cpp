#include "seam/messages.hpp"

#include <doctest/doctest.h>

#include <random>

#include "seam/packet.hpp"

using namespace chatcore;
using namespace chatcore::seam;

namespace {

std::vector<Downward> downward() {
  const FrameImage frame{DeliveryClass::live, "dm.x", 7, R"({"type":"message.new"})"};
  return {Subscribe{1, "group-chat-g", 3},
          Unsubscribe{UINT64_MAX, "user-inbox-ann"},
          Admit{2},
          Deliver{3, frame},
          Close{4, CloseCode::overloaded, 1'000},
          Refreshed{"group-chat-g", 9, {1, 2, UINT64_MAX}},
          Publish{"group-chat-g", frame, 5, 6},
          PublishHead{"group-chat-g", 5, "g", 12, std::chrono::milliseconds(5'000)},
          ChangeMembers{"group-chat-g", 8, 3, {"user-inbox-ann", "user-inbox-bob"}, {"user-inbox-cat"}},
          Broadcast{frame}};
}

std::vector<Upward> upward() {
  return {Opened{1, "user=ann", "Bearer x", "https://a.example", "192.0.2.1", std::chrono::milliseconds(123)},
          Received{2, {"{}", "", R"({"type":"sync"})"}},
          Drained{3, true, {{"dm.x", 4}, {"g", 5}}},
          Closed{4, 1006},
          Stale{"group-chat-g", {1, 2, 3}},
          Overdue{5},
          Left{"group-chat-g", 77}};
}

template <class Message>
std::string bytes_of(const Message& message) {
  std::string bytes;
  append(bytes, message);
  return bytes;
}

template <class Message, class Read>
void comes_back(const std::vector<Message>& messages, Read read) {
  for (const Message& message : messages) {
    const std::string bytes = bytes_of(message);
    ByteReader reader(bytes);
    const auto again = read(reader);
    REQUIRE(again);
    CHECK(reader.done());
    CHECK(again->index() == message.index());
    CHECK(bytes_of(*again) == bytes);
  }
}

template <class Message, class Read>
void is_refused_when_cut(const std::vector<Message>& messages, Read read) {
  for (const Message& message : messages) {
    const std::string bytes = bytes_of(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ByteReader reader(std::string_view(bytes).substr(0, size));
      INFO("message " << message.index() << " cut to " << size);
      CHECK_FALSE(read(reader).has_value());
    }
  }
}

}  // namespace

TEST_CASE("every message of the seam is read as it was written") {
  comes_back(downward(), read_downward);
  comes_back(upward(), read_upward);
}

TEST_CASE("several messages are read one after the other") {
  std::string bytes;
  for (const Downward& message : downward()) append(bytes, message);
  ByteReader reader(bytes);
  for (const Downward& message : downward()) {
    const auto next = read_downward(reader);
    REQUIRE(next);
    CHECK(next->index() == message.index());
  }
  CHECK(reader.done());
}

TEST_CASE("a message that is cut is none") {
  is_refused_when_cut(downward(), read_downward);
  is_refused_when_cut(upward(), read_upward);
}

TEST_CASE("what is out of range is no message") {
  const auto refused = [](const std::string& bytes) {
    ByteReader reader(bytes);
    return !read_downward(reader).has_value();
  };
  CHECK(refused(std::string(1, '\x7f')));                           // no such message
  CHECK(refused(std::string("\x04\x01\xff\xff\x7f\x00", 6)));       // a close code of more than 16 bits
  CHECK(refused(std::string("\x03\x01\x09\x00\x00\x00", 6)));       // no such class of frames
  CHECK(refused(std::string("\x05\x01g\x00\xff\xff\xff\x7f", 8)));  // more sessions than there are bytes
  CHECK(refused(std::string("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12)));  // a number too long
}

TEST_CASE("a topic's name has its bound") {
  const auto read = [](std::size_t size) {
    const std::string bytes = bytes_of(Upward(Left{std::string(size, 't'), 1}));
    ByteReader reader(bytes);
    return read_upward(reader).has_value();
  };
  CHECK(read(kMaxTopicBytes));
  CHECK_FALSE(read(kMaxTopicBytes + 1));
}

TEST_CASE("no bytes make reading them do anything but refuse") {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes = bytes_of(downward()[random() % 10]);
    bytes[random() % bytes.size()] = static_cast<char>(random());
    ByteReader reader(bytes);
    while (reader.more() && read_downward(reader)) {
    }
    ByteReader other(bytes);
    while (other.more() && read_upward(other)) {
    }
    (void)decode_packet(bytes);
  }
}

TEST_CASE("a packet is read as it was written, and knows where answers go") {
  Packet packet;
  packet.kind = PacketKind::data;
  packet.link = 3;
  packet.seq = 400;
  packet.ack = 399;
  packet.sentAt = std::chrono::milliseconds(1'234'567);
  packet.body = std::make_shared<const std::string>("body");
  const std::string bytes = encode(packet, "seam-gateway-g.1.0");
  const auto read = decode_packet(bytes);
  REQUIRE(read);
  CHECK(read->kind == PacketKind::data);
  CHECK(read->from == "seam-gateway-g.1.0");
  CHECK(read->link == 3);
  CHECK(read->seq == 400);
  CHECK(read->ack == 399);
  CHECK(read->sentAt == packet.sentAt);
  CHECK(read->body == "body");
}

TEST_CASE("an announcement is read as it was written, and one of another version is none") {
  const Packet packet = announcement({"engine-1", 17, 4, 8, true});
  const auto read = decode_announcement(*packet.body);
  REQUIRE(read);
  CHECK(read->serverId == "engine-1");
  CHECK(read->boot == 17);
  CHECK(read->term == 4);
  CHECK(read->shards == 8);
  CHECK(read->loopbackOnly);
  std::string other = *packet.body;
  other[0] = 2;
  CHECK_FALSE(decode_announcement(other));
  CHECK_FALSE(decode_announcement(*announcement({"engine-1", 17, 4, 0}).body));
  CHECK_FALSE(decode_announcement(*announcement({"engine-1", 17, 4, 65}).body));
}
