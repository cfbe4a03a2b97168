#include "seen_messages.hpp"

#include <algorithm>
#include <charconv>

namespace chat_cli {

namespace {

constexpr std::size_t kPerConversation = 1000;

}  // namespace

void SeenMessages::add(const std::string& conversation, chatcore::Seq seq, chatcore::MessageId id, bool own) {
  auto& messages = conversations_[conversation];
  messages[seq] = {id, own};
  if (messages.size() > kPerConversation) messages.erase(messages.begin());
}

std::optional<SeenMessages::Found> SeenMessages::find(const std::string& conversation,
                                                      const std::string& which, bool own) const {
  const auto known = conversations_.find(conversation);
  if (known == conversations_.end()) return std::nullopt;
  const auto& messages = known->second;
  if (which == "last") {
    const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                   [&](const auto& entry) { return !own || entry.second.own; });
    if (last == messages.rend()) return std::nullopt;
    return Found{last->first, last->second.id};
  }
  chatcore::Seq seq = 0;
  const auto end = std::from_chars(which.data(), which.data() + which.size(), seq).ptr;
  const auto named = end == which.data() + which.size() ? messages.find(seq) : messages.end();
  if (named == messages.end()) return std::nullopt;
  return Found{seq, named->second.id};
}

}  // namespace chat_cli
