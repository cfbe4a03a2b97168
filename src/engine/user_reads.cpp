#include "engine/user_reads.hpp"

#include "engine/conversation.hpp"
#include "engine/engine_shard.hpp"

namespace chatcore::engine {

namespace {

constexpr std::uint32_t kStep = 1000;

void read_more(const Context& context, UserConversationsRequest request, std::vector<UserConversation> sofar,
               AllConversations use) {
  request.limit = kStep;
  if (!sofar.empty()) request.after = sofar.back().conversationId;
  context.store->conversations_of(
      {request}, *context.executor,
      [busy = context.busy, &context, request, sofar = std::move(sofar),
       use = std::move(use)](std::vector<Result<std::vector<UserConversation>>> answers) mutable {
        if (!answers[0]) return use(std::move(answers[0]).error());
        const bool more = answers[0]->size() == kStep;
        sofar.insert(sofar.end(), std::make_move_iterator(answers[0]->begin()),
                     std::make_move_iterator(answers[0]->end()));
        if (more && sofar.size() < context.options.maxConversationsPerUser)
          return read_more(context, std::move(request), std::move(sofar), std::move(use));
        use(std::move(sofar));
      });
}

}  // namespace

void read_all_conversations(const Context& context, UserConversationsRequest request, AllConversations use) {
  read_more(context, std::move(request), {}, std::move(use));
}

void start_timeline(const Context& context, const UserId& user,
                    UniqueFunction<void(Result<TimelineStart>)> use) {
  context.store->mark_timeline({TimelineMarkRequest{user}}, *context.executor,
                               [busy = context.busy, &context, user,
                                use = std::move(use)](std::vector<Result<TimelineMark>> marks) mutable {
                                 if (!marks[0]) return use(std::move(marks[0]).error());
                                 TimelineRequest request;
                                 request.userId = user;
                                 request.limit = SyncToken::kMaxLarge;
                                 context.store->timeline(
                                     {std::move(request)}, *context.executor,
                                     [busy = context.busy, mark = *marks[0], use = std::move(use)](
                                         std::vector<Result<std::vector<TimelineEntry>>> answers) mutable {
                                       if (!answers[0]) return use(std::move(answers[0]).error());
                                       use(TimelineStart{mark, std::move(*answers[0])});
                                     });
                               });
}

void count_in_store(const Context& context, const ConversationId& id, const UserId& user,
                    UniqueFunction<void(std::optional<std::uint64_t>)> use, int tries) {
  UserConversationsRequest request;
  request.userId = user;
  request.only = id;
  request.now = context.now();
  context.store->conversations_of({std::move(request)}, *context.executor,
                                  [busy = context.busy, &context, id, user, use = std::move(use), tries](
                                      std::vector<Result<std::vector<UserConversation>>> answers) mutable {
                                    if (!answers[0] && tries > 1)
                                      return count_in_store(context, id, user, std::move(use), tries - 1);
                                    const bool known = answers[0] && !answers[0]->empty();
                                    use(known ? std::optional(unread_of(answers[0]->front())) : std::nullopt);
                                  });
}

}  // namespace chatcore::engine
