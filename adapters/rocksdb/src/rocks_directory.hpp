#pragma once

#include "device_rows.hpp"
#include "engine.hpp"
#include "list_rows.hpp"

namespace chatcore::rocks {

/// The directory port over the engine: small rows in one column family.
class RocksDirectory final : public Directory {
 public:
  explicit RocksDirectory(Engine& engine) : engine_(engine) {}

  void users(std::vector<UserId> batch, Executor& executor,
             Completion<std::vector<Result<User>>> done) override;
  void put_user(User user, Executor& executor, Completion<Status> done) override;
  void devices(std::vector<UserId> batch, Executor& executor,
               Completion<std::vector<Result<std::vector<Device>>>> done) override;
  void put_device(Device device, Executor& executor, Completion<Status> done) override;
  void remove_device(UserId user, DeviceId device, Executor& executor, Completion<Status> done) override;
  void drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                        Completion<Status> done) override;
  void blocks(std::vector<BlockQuery> batch, Executor& executor,
              Completion<std::vector<Result<BlockState>>> done) override;
  void set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                  Completion<Status> done) override;
  void blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                 Completion<std::vector<Result<std::vector<UserId>>>> done) override;
  void contacts(std::vector<BlockQuery> batch, Executor& executor,
                Completion<std::vector<Result<bool>>> done) override;
  void set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                    Completion<Status> done) override;
  void contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                   Completion<std::vector<Result<std::vector<UserId>>>> done) override;
  void last_seen(std::vector<UserId> batch, Executor& executor,
                 Completion<std::vector<Result<Timestamp>>> done) override;
  void set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) override;

 private:
  using Change = UniqueFunction<Status(DirectoryRows&)>;
  void change(Executor& executor, Completion<Status> done, Change what);
  void set_list(const ListRows& list, UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                Completion<Status> done);
  Result<std::vector<UserId>> page(DirectoryRow kind, const UsersRequest& request);
  void pages(DirectoryRow kind, std::vector<UsersRequest> batch, Executor& executor,
             Completion<std::vector<Result<std::vector<UserId>>>> done);
  Result<User> user(const View& view, const UserId& id);
  Result<std::vector<Device>> devices_of(const View& view, const UserId& id);
  Result<bool> has_pair(const View& view, DirectoryRow kind, const UserId& first, const UserId& second);

  Engine& engine_;
};

}  // namespace chatcore::rocks
