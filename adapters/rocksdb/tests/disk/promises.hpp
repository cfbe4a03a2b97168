#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "chatcore/testing/test_executor.hpp"
#include "engine.hpp"
#include "rocks_directory.hpp"
#include "rocks_log_store.hpp"

/// What a store was asked, in the order it was asked, what it promised, and a look at what it kept.
namespace chatcore::rocks {

/// An open store with its inside at hand.
struct OpenStore {
  explicit OpenStore(std::unique_ptr<Engine> running)
      : engine(std::move(running)), logs(*engine), users(*engine) {}
  std::unique_ptr<Engine> engine;
  RocksLogStore logs;
  RocksDirectory users;
};

/// One writing request. The store decides them in the order they came and commits them in that order.
struct Step {
  enum class Kind : std::uint8_t { append, cursor, mute, user };
  Kind kind = Kind::append;
  AppendRequest append;
  UserId user;
  ConversationId log;
  std::uint64_t value = 0;  ///< of a cursor, a mute, or in a user's name: grows, so that it names its step
  bool kept = false;        ///< promised
  bool refused = false;     ///< promised not to have happened
};

struct History {
  std::vector<Step> steps;
  std::uint64_t serial = 0;                          ///< last number used for anything that must be unique
  std::vector<std::pair<UserId, ClientMsgId>> lost;  ///< to be sent again

  /// Forgets everything after the first `count` steps: a crash has.
  void lose_after(std::size_t count);
};

struct Findings {
  std::vector<std::string> broken;    ///< promises
  std::vector<std::string> reported;  ///< reads answered `corrupted`
  std::size_t survived = 0;           ///< steps: all of the first so many and none after
  [[nodiscard]] std::string text() const;
};

/// Compares everything in the store with the history. `complete`: nothing promised may be missing; otherwise
/// a suffix of the history may be.
Findings audit(OpenStore& store, const History& history, bool complete);

/// Random requests, several in flight.
class Load {
 public:
  /// `store` null: only notes what would be asked.
  Load(OpenStore* store, History& history, std::mt19937_64& random);
  ~Load() { settle(); }
  /// Asks for one thing more.
  void step();
  /// Waits for every answer.
  void settle();
  /// A sender whose answer was lost asks again, and must be told of the original.
  void repeat();

  std::vector<std::string> broken;
  std::size_t refusals = 0;
  std::function<void(std::size_t step)> onKept;  ///< called as soon as a step is promised

 private:
  void append();
  void advance();
  void mute();
  void rename();
  Event message(const UserId& sender, Seq seq);
  Step& add(Step::Kind kind);
  void answered(std::size_t index, bool kept, bool refused);
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  OpenStore* store_;
  History& history_;
  std::mt19937_64& random_;
  testing::TestExecutor executor_;
  std::map<ConversationId, Seq> heads_;
  std::size_t waiting_ = 0;
};

}  // namespace chatcore::rocks
