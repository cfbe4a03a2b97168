#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "chatcore/model/ids.hpp"

namespace chat_cli {

/// The messages that were on the screen, so that a command can name one by its number or as the `last`.
class SeenMessages {
 public:
  struct Found {
    chatcore::Seq seq = 0;
    chatcore::MessageId id = 0;
  };

  void add(const std::string& conversation, chatcore::Seq seq, chatcore::MessageId id, bool own);
  /// `last` is the newest, or, if `own`, the newest that was written here.
  std::optional<Found> find(const std::string& conversation, const std::string& which, bool own) const;

 private:
  struct Message {
    chatcore::MessageId id = 0;
    bool own = false;
  };
  std::map<std::string, std::map<chatcore::Seq, Message>> conversations_;
};

}  // namespace chat_cli
