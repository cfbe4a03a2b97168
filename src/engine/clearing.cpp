#include "core/simulation_bug.hpp"
#include "engine/conversation_home.hpp"

/// A conversation emptied for one of its members, up to a number: the others see no difference.
namespace chatcore::engine {

void ConversationHome::clear(Requester from, protocol::ConversationClear command) {
  const ConversationId id = command.conversationId;
  with_loaded(
      id, [this, from = std::move(from), command = std::move(command)](Conversation* conversation) mutable {
        if (conversation == nullptr) return outlet_.error(from.session, from.id, {}, unreachable());
        clear_loaded(*conversation, std::move(from), command.epoch, command.seq);
      });
}

void ConversationHome::clear_loaded(Conversation& conversation, Requester from, Epoch epoch, Seq seq) {
  const MemberRecord* member = conversation.member(from.user());
  if (member == nullptr)
    return outlet_.error(from.session, from.id, {},
                         {ErrorCode::not_a_member, "not a member of this conversation", {}});
  if (const auto error = misplaced(conversation, epoch, seq))
    return outlet_.error(from.session, from.id, {}, *error);
  // What is here is in the store.
  if (seq <= member->cursor.clearedSeq) return outlet_.ok(from.session, from.id);
  if (const auto ordinal = known_ordinal(conversation, seq))
    return store_cleared(conversation, std::move(from), seq, *ordinal);
  read_ordinal(conversation, seq,
               [this, from = std::move(from), seq](Conversation* loaded,
                                                   std::optional<std::uint64_t> ordinal) mutable {
                 if (loaded != nullptr && ordinal)
                   return store_cleared(*loaded, std::move(from), seq, *ordinal);
                 outlet_.error(from.session, from.id, {}, log_unreadable());
               });
}

void ConversationHome::store_cleared(Conversation& conversation, Requester from, Seq seq,
                                     std::uint64_t ordinal) {
  CursorUpdate update{conversation.id, UserId(from.user()), {}};
  update.cursor.clearedSeq = seq;
  update.cursor.clearedOrdinal = ordinal;
  ++conversation.cursorCalls;
  context_.store->advance({std::move(update)}, *context_.executor,
                          [busy = context_.busy, this, id = conversation.id,
                           from = std::move(from)](const std::vector<Result<Cursor>>& cursors) {
                            Conversation* loaded = end_cursor_call(id);
                            if (!cursors[0])
                              return outlet_.error(from.session, from.id, {},
                                                   {ErrorCode::unavailable, "the store did not answer",
                                                    std::chrono::milliseconds(500)});
                            outlet_.ok(from.session, from.id);
                            if (loaded != nullptr) on_cleared(*loaded, from, *cursors[0]);
                          });
}

void ConversationHome::on_cleared(Conversation& conversation, const Requester& from, const Cursor& now) {
  MemberRecord* member = conversation.member(from.user());
  if (member == nullptr) return;
  // The rest of it moves with the answers of the receipts that made it so.
  raise(member->cursor, {.clearedSeq = now.clearedSeq, .clearedOrdinal = now.clearedOrdinal});
  if (CHATCORE_BUG("clearing is not told")) return;
  tell_position(conversation, UserId(from.user()), from.session, &Cursor::clearedSeq, now.clearedSeq,
                [id = conversation.id, seq = now.clearedSeq, epoch = conversation.epoch](
                    std::string& out, std::uint64_t unread) {
                  protocol::append_sync_cleared(out, id, seq, epoch, unread);
                });
}

}  // namespace chatcore::engine
