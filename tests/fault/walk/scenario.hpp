#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "test_server.hpp"

/// What people do with their devices, as tables, played against a server of which any port may fail.
namespace chatcore::faulttest {

/// A command of a device, "alice" or "alice/tablet", which connects when it first says something. No command:
/// its connection ends.
///
/// In what a command says, "$m1" stands for the message that was sent with clientMsgId m1, "$dm:alice:bob"
/// for the two's conversation, and "$token" for what the device's last page of a sync gave it.
struct Step {
  std::string device;
  Json command = nullptr;
};

struct Scenario {
  std::string name;
  std::vector<Step> steps;
  /// Where phones can be notified: which are told of what once the grace is over, as "user content".
  std::set<std::string> notified = {};
};

/// One for each subject of tests/e2e.
const std::vector<Scenario>& scenarios();

/// Plays one scenario: what fails for now is asked again until it is done.
class Performance {
 public:
  explicit Performance(TestServer& server) : server_(server) {}

  void play(const Scenario& scenario);
  /// What everybody is shown by now, on a device that is new and on one that was away, without what differs
  /// between two runs: times, ids and tokens.
  Json everything_shown();

 private:
  TestClient& device(const std::string& name);
  /// The answer that is no error for now; throws where there is none, or one that is for good.
  Json ask(const std::string& name, const Json& command);
  Json meant_by(const std::string& name, Json value) const;
  Json shown_to(const std::string& user);
  void note(const std::string& name, const Json& command, const Json& answer);

  TestServer& server_;
  std::map<std::string, TestClient> devices_;
  std::map<std::string, std::string> messages_;  ///< by clientMsgId
  std::map<std::string, std::string> tokens_;    ///< by device
};

}  // namespace chatcore::faulttest
