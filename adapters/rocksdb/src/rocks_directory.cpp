#include "rocks_directory.hpp"

#include "device_rows.hpp"
#include "keys.hpp"
#include "rocks_calls.hpp"
#include "row_scan.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

// Longer tokens than any push service's are not worth a row.
constexpr std::size_t kMaxToken = 4096;

/// Answers a batch of a row or two each.
template <class Answer, class Request, class Read>
void look_up(Engine& engine, std::vector<Request> batch, Executor& executor,
             Completion<std::vector<Answer>> done, Read answer) {
  if (batch.size() <= kBriefRows / 2)
    submit_brief_read<Answer>(engine, std::move(batch), executor, std::move(done), answer);
  else
    submit_read<Answer>(engine, std::move(batch), executor, std::move(done), answer);
}

Error invalid(const char* what) { return Error{.code = ErrorCode::invalid_argument, .message = what}; }
Error damaged(const char* what) { return Error{.code = ErrorCode::corrupted, .message = what}; }

}  // namespace

void RocksDirectory::change(Executor& executor, Completion<Status> done, Change what) {
  AnyCall call = ChangeCall{std::move(what), &executor, std::move(done), {}};
  if (engine_.write(call, {1, 0}) == Admission::taken) return;
  complete(executor, std::move(std::get<ChangeCall>(call).done), Status(engine_.not_admitted()));
}

Result<User> RocksDirectory::user(const View& view, const UserId& id) {
  User found;
  found.userId = id;
  const Error unknown{.code = ErrorCode::not_found, .message = "no such user"};
  if (!valid_id(id)) return unknown;
  const std::string key = directory_key(DirectoryRow::user, id);
  auto row = engine_.database().get(Column::directory, key, view);
  if (!row) return std::move(row).error();
  if (!*row && engine_.database().options().knownUsersOnly) return unknown;
  if (*row && !decode_user(key, **row, found)) return damaged("a user is damaged");
  return found;
}

void RocksDirectory::users(std::vector<UserId> batch, Executor& executor,
                           Completion<std::vector<Result<User>>> done) {
  look_up<Result<User>>(engine_, std::move(batch), executor, std::move(done),
                        [this](LogReader& reader, const UserId& id) { return user(reader.view(), id); });
}

void RocksDirectory::put_user(User user, Executor& executor, Completion<Status> done) {
  change(executor, std::move(done), [user = std::move(user)](DirectoryRows& rows) -> Status {
    if (!valid_id(user.userId)) return invalid("not an id");
    std::string key = directory_key(DirectoryRow::user, user.userId);
    std::string value = encode_user(key, user);
    rows.put(std::move(key), std::move(value));
    return {};
  });
}

Result<std::vector<Device>> RocksDirectory::devices_of(const View& view, const UserId& id) {
  std::vector<Device> all;
  const std::string key = directory_key(DirectoryRow::devices, id);
  auto row = engine_.database().get(Column::directory, key, view);
  if (!row) return std::move(row).error();
  if (*row && !decode_devices(key, **row, all)) return damaged("a user's devices are damaged");
  for (Device& device : all) device.userId = id;
  return all;
}

void RocksDirectory::devices(std::vector<UserId> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<Device>>>> done) {
  look_up<Result<std::vector<Device>>>(
      engine_, std::move(batch), executor, std::move(done),
      [this](LogReader& reader, const UserId& id) { return devices_of(reader.view(), id); });
}

void RocksDirectory::put_device(Device device, Executor& executor, Completion<Status> done) {
  change(executor, std::move(done), [device = std::move(device)](DirectoryRows& rows) mutable -> Status {
    if (!valid_id(device.userId) || !valid_id(device.deviceId)) return invalid("not an id");
    if (device.pushToken.size() > kMaxToken) return invalid("a push token is too long");
    return put_device_rows(rows, std::move(device));
  });
}

void RocksDirectory::remove_device(UserId user, DeviceId device, Executor& executor,
                                   Completion<Status> done) {
  change(executor, std::move(done),
         [user = std::move(user), device = std::move(device)](DirectoryRows& rows) -> Status {
           if (!valid_id(user) || !valid_id(device)) return {};
           return remove_device_rows(rows, user, device);
         });
}

void RocksDirectory::drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                                      Completion<Status> done) {
  change(executor, std::move(done), [tokens = std::move(tokens)](DirectoryRows& rows) -> Status {
    for (const std::string& token : tokens) {
      if (token.empty() || token.size() > kMaxToken) continue;
      if (Status dropped = drop_token_rows(rows, token); !dropped) return dropped;
    }
    return {};
  });
}

Result<bool> RocksDirectory::has_pair(const View& view, DirectoryRow kind, const UserId& first,
                                      const UserId& second) {
  if (!storable(first) || !storable(second)) return false;
  const std::string key = directory_key(kind, pair_key(first, second));
  auto row = engine_.database().get(Column::directory, key, view);
  if (!row) return std::move(row).error();
  return row->has_value();
}

void RocksDirectory::set_list(const ListRows& list, UserId of, std::vector<UserId> whom, bool present,
                              Executor& executor, Completion<Status> done) {
  change(executor, std::move(done),
         [&list, of = std::move(of), whom = std::move(whom), present](DirectoryRows& rows) {
           return set_list_rows(rows, list, of, whom, present);
         });
}

Result<std::vector<UserId>> RocksDirectory::page(DirectoryRow kind, const UsersRequest& request) {
  std::vector<UserId> users;
  if (!storable(request.of) || request.after.size() > kMaxKeyId) return users;
  const std::string first =
      request.after.empty() ? owner_prefix(request.of) : pair_key(request.of, request.after) + '\0';
  RowScan rows(engine_.database(), Column::directory, directory_key(kind, first),
               directory_key(kind, owner_end(request.of)), {});
  for (; rows.valid() && users.size() < request.limit; rows.next())
    users.emplace_back(second_of_pair(rows.key().substr(1)));
  if (Status status = rows.status(); !status) return std::move(status).error();
  return users;
}

void RocksDirectory::pages(DirectoryRow kind, std::vector<UsersRequest> batch, Executor& executor,
                           Completion<std::vector<Result<std::vector<UserId>>>> done) {
  submit_read<Result<std::vector<UserId>>>(
      engine_, std::move(batch), executor, std::move(done),
      [this, kind](LogReader&, const UsersRequest& request) { return page(kind, request); });
}

void RocksDirectory::blocks(std::vector<BlockQuery> batch, Executor& executor,
                            Completion<std::vector<Result<BlockState>>> done) {
  look_up<Result<BlockState>>(engine_, std::move(batch), executor, std::move(done),
                              [this](LogReader& reader, const BlockQuery& pair) -> Result<BlockState> {
                                auto forward = has_pair(reader.view(), DirectoryRow::block, pair.a, pair.b);
                                if (!forward) return std::move(forward).error();
                                auto backward = has_pair(reader.view(), DirectoryRow::block, pair.b, pair.a);
                                if (!backward) return std::move(backward).error();
                                return BlockState{*forward, *backward};
                              });
}

void RocksDirectory::set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                                Completion<Status> done) {
  set_list(kBlocks, std::move(by), std::move(whom), blocked, executor, std::move(done));
}

void RocksDirectory::blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                               Completion<std::vector<Result<std::vector<UserId>>>> done) {
  pages(DirectoryRow::block, std::move(batch), executor, std::move(done));
}

void RocksDirectory::contacts(std::vector<BlockQuery> batch, Executor& executor,
                              Completion<std::vector<Result<bool>>> done) {
  look_up<Result<bool>>(engine_, std::move(batch), executor, std::move(done),
                        [this](LogReader& reader, const BlockQuery& pair) {
                          return has_pair(reader.view(), DirectoryRow::contact, pair.a, pair.b);
                        });
}

void RocksDirectory::set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                                  Completion<Status> done) {
  set_list(kContacts, std::move(of), std::move(whom), present, executor, std::move(done));
}

void RocksDirectory::contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                                 Completion<std::vector<Result<std::vector<UserId>>>> done) {
  pages(DirectoryRow::contact, std::move(batch), executor, std::move(done));
}

void RocksDirectory::last_seen(std::vector<UserId> batch, Executor& executor,
                               Completion<std::vector<Result<Timestamp>>> done) {
  look_up<Result<Timestamp>>(engine_, std::move(batch), executor, std::move(done),
                             [this](LogReader& reader, const UserId& id) -> Result<Timestamp> {
                               const View& view = reader.view();
                               const std::string key = directory_key(DirectoryRow::lastSeen, id);
                               auto row = engine_.database().get(Column::directory, key, view);
                               if (!row) return std::move(row).error();
                               std::uint64_t at = 0;
                               if (*row && !decode_number(key, **row, at))
                                 return damaged("a last-seen time is damaged");
                               return static_cast<Timestamp>(at);
                             });
}

void RocksDirectory::set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) {
  change(executor, std::move(done), [user = std::move(user), at](DirectoryRows& rows) -> Status {
    if (!valid_id(user)) return invalid("not an id");
    std::string key = directory_key(DirectoryRow::lastSeen, user);
    std::string value = encode_number(key, static_cast<std::uint64_t>(at));
    rows.put(std::move(key), std::move(value));
    return {};
  });
}

}  // namespace chatcore::rocks
