#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace chatcore::rocks {

/// What changes a disk.
enum class DiskOp : std::uint8_t {
  create,
  append,
  overwrite,
  truncate,
  sync,
  sync_folder,
  rename,
  link,
  remove
};

/// Where its files are kept best: in memory if there is enough of it, since nothing is to outlive a test.
/// TMPDIR says otherwise.
[[nodiscard]] std::filesystem::path place_of_disks();

/// A disk that remembers what has been synced and loses the rest when its power is cut; it can also refuse
/// operations. Files lie in the real file system, and nothing is ever synced there. Thread-safe.
///
/// A cut leaves of each file what was synced and some of what came after; of a folder's changes (new, renamed
/// and deleted files) since its last sync some of the first ones.
class FaultyDisk final : public rocksdb::FileSystemWrapper {
 public:
  /// Asked before every operation; what it answers but OK is the operation's result.
  using Observer = std::function<rocksdb::IOStatus(DiskOp, const std::string& path)>;

  /// `graveyard`: a folder for what may come back, on the same file system.
  explicit FaultyDisk(std::string graveyard);
  ~FaultyDisk() override;

  const char* Name() const override { return "FaultyDisk"; }
  rocksdb::Env* env() { return env_.get(); }

  void observe(Observer observer);
  /// The power fails at the n-th operation from now on; 0: not by itself.
  void cut_after(std::uint64_t operations);
  /// From now on nothing has an effect.
  void cut();
  [[nodiscard]] bool is_cut();
  [[nodiscard]] std::uint64_t operations();

  /// The power comes back; call it when nobody has a file open. Loses what `random` says.
  void restore(std::mt19937_64& random);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& path, std::size_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

 private:
  class Written;
  class Overwritten;
  class Folder;

  struct File {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
    bool overwritten = false;
    std::string before;  ///< of a file that is overwritten in place: what was synced
  };
  struct Change {
    DiskOp what;
    std::string path;
    std::string from;   ///< rename
    std::string grave;  ///< where the file lies that was deleted or replaced; empty: there was none
    std::shared_ptr<File> gone;
  };

  /// Counts, asks the observer, and says whether the operation is to be done. `done` is told to do an append
  /// although the power fails with it.
  rocksdb::IOStatus begin(DiskOp what, const std::string& path, bool* lastGasp = nullptr);
  std::shared_ptr<File> file_at(const std::string& path);
  std::string bury(const std::string& path);
  void undo(const Change& change);
  void lose_tail(const std::string& path, File& file, std::mt19937_64& random);
  void folder_synced(const std::string& path);

  std::string graveyard_;
  std::unique_ptr<rocksdb::Env> env_;
  std::mutex mutex_;
  Observer observer_;
  std::uint64_t operations_ = 0;
  std::uint64_t cutAt_ = 0;
  bool cut_ = false;
  std::uint64_t graves_ = 0;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::vector<Change>> changes_;  ///< by folder, since its last sync
};

}  // namespace chatcore::rocks
