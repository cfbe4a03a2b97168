#include "gateway/release_batch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "live_allocations.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

TEST_CASE("references are given back at the flush, not before, and each exactly once") {
  const auto batch = std::make_unique<ReleaseBatch>();
  const long before = live_allocations();
  Frame* frame = Frame::make_text("hello", {});
  frame->add_references(2);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(batch->add(frame));
  CHECK(live_allocations() == before + 1);
  batch->flush();
  CHECK(live_allocations() == before);
  batch->flush();
  CHECK(live_allocations() == before);
}

TEST_CASE("a reference that is not given back keeps the frame") {
  const auto batch = std::make_unique<ReleaseBatch>();
  const long before = live_allocations();
  {
    FrameRef kept = FrameRef::text("hello");
    kept->add_references(1);
    batch->add(kept.get());
    batch->flush();
    CHECK(live_allocations() == before + 1);
    CHECK(kept->payload() == "hello");
  }
  CHECK(live_allocations() == before);
}

TEST_CASE("a full table gives back what it holds and says so") {
  const long before = live_allocations();
  {
    ReleaseBatch batch;
    int full = 0;
    for (int i = 0; i < 200; ++i) full += batch.add(Frame::make_text("hello", {})) ? 1 : 0;
    CHECK(full == 3);
    CHECK(live_allocations() == before + 200 - 3 * 64);
  }
  CHECK(live_allocations() == before);
}

TEST_CASE("frames of many sessions, in one order and in any order, are all given back") {
  for (const bool shuffled : {false, true}) {
    constexpr std::size_t kFrames = 90, kSessions = 40;
    std::mt19937 random(7);
    std::vector<Frame*> order;
    order.reserve(kFrames * kSessions);
    const long before = live_allocations();
    std::vector<Frame*> frames(kFrames);
    for (Frame*& frame : frames) {
      frame = Frame::make_text("hello", {});
      frame->add_references(kSessions - 1);
    }
    for (std::size_t session = 0; session < kSessions; ++session)
      order.insert(order.end(), frames.begin(), frames.end());
    if (shuffled) std::shuffle(order.begin(), order.end(), random);
    {
      ReleaseBatch batch;
      for (Frame* frame : order) batch.add(frame);
    }
    CHECK(live_allocations() == before + 1);  // the vector of frames
  }
}
