#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/user.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// The host's say. Called on a shard's thread, so an implementation returns at once (microseconds) and is
/// thread-safe across shards.
///
/// Two hooks decide. What a host knows by itself it answers on the spot; where it has to ask somebody it
/// answers `later`, and is asked again by the `…_later` form, with all of the shard's turn in one call. What
/// counts if a deciding hook throws, fails or takes too long is said by `EngineOptions::hooks`.
///
/// The others observe: they are told at most once, after the fact. What they throw is logged. A crash loses
/// what they were not told yet, so a host that needs every event reads the log.
class CHATCORE_API Hooks {
 public:
  virtual ~Hooks();

  enum class Verdict : std::uint8_t {
    accept,
    rewrite,  ///< a message: accepted with `content` in place of its own
    reject,   ///< with `error`
    later,    ///< decided by the `…_later` form; an answer of that form has failed with it
  };
  struct Decision {
    Verdict verdict = Verdict::accept;
    std::string content;                                ///< rewrite: the JSON value to store instead
    Error error{ErrorCode::forbidden, "rejected", {}};  ///< reject: what the sender is told
  };
  /// One for each question, in their order. An error: it could not be found out.
  using Answers = std::vector<Result<Decision>>;

  // The `…_later` forms answer by calling `done` once, which may be done on any thread and at any time: each
  // question has a deadline, and what comes after it, a second time, or when the server is gone, does
  // nothing. `executor` stays valid as long as `done` exists. A stopping server does not wait for answers.

  /// After authentication, before the session is admitted. A rejection closes the connection: 4500, or 4004
  /// if its error is temporary.
  virtual Decision on_connect(const Identity&) { return {}; }
  virtual void on_connect_later(std::vector<Identity> batch, Executor& executor, Completion<Answers> done);

  struct Draft {
    ConversationId conversationId;
    UserId senderId;
    MessageType messageType = MessageType::text;
    std::string_view content;  ///< JSON
    MessageId edited = 0;      ///< the message whose content this is to replace; 0: a new message
  };
  /// A draft that waits for its answer.
  struct PendingDraft {
    ConversationId conversationId;
    UserId senderId;
    MessageType messageType = MessageType::text;
    std::string content;
    MessageId edited = 0;
    ClientMsgId clientMsgId;  ///< the same when the client sends it once more
  };
  /// Once per new message or edit, at the conversation's owner, after authorization; never for a retry of a
  /// known one. A retry of one whose answer was lost, or that was refused for the time being, is asked about
  /// again. While a draft waits so does its conversation, and no other: a sender's later messages cannot
  /// overtake it. A rejection with a temporary error makes the client send the message again.
  virtual Decision before_persist(const Draft&) { return {}; }
  virtual void before_persist_later(std::vector<PendingDraft> batch, Executor& executor,
                                    Completion<Answers> done);

  /// After the commit, in the order of seq. Not told of what a server that crashed, or another one, had
  /// committed before.
  virtual void after_persist(const ConversationId&, const Event&) {}

  struct Membership {
    enum class Change : std::uint8_t { came, went, role };
    struct Who {
      UserId userId;
      Change change = Change::came;
      Role role = Role::member;  ///< from now on; of no meaning for who went
    };
    ConversationId conversationId;
    Seq seq = 0;  ///< of the event
    UserId by;
    std::vector<Who> who;  ///< all that one event changes; of a new conversation its first members
  };
  /// Members came, went, or have another role: after the commit, in the order of seq, and after
  /// `after_persist` of the same event.
  virtual void on_membership(const Membership&) {}

  /// A user has removed one of its devices (`devices.remove`), or the engine has: it was inactive for
  /// `deviceInactivityDays`, had to make room for a newcomer, or went with its primary device. Its connection
  /// is closed 4503 and it is gone from the directory: whether its credentials are good from now on is for
  /// the Authenticator to say. One that has come back after too long stays connected and is registered anew.
  virtual void on_device_removed(const UserId&, const DeviceId&) {}

  /// A user came online or, after the debounce, went offline.
  virtual void on_presence(const UserId&, bool /*online*/) {}
};

}  // namespace chatcore
