#include "faulty_disk.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace chatcore::rocks {

namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::uint64_t kSector = 512;

std::string normal(const std::string& path) {
  std::string clean = fs::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}
std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

/// The text log and the lock are nobody's promise.
bool is_noise(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name.rfind("LOG", 0) == 0 || name == "LOCK";
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

}  // namespace

fs::path place_of_disks() {
  constexpr std::uintmax_t kEnough = 1U << 30;
  const fs::path memory = "/dev/shm";
  std::error_code absent;
  const fs::space_info space = fs::space(memory, absent);
  const bool usual = std::getenv("TMPDIR") == nullptr;
  return usual && !absent && space.available >= kEnough ? memory : fs::temp_directory_path();
}

/// Appended to; synced by being told so.
class FaultyDisk::Written final : public rocksdb::FSWritableFileWrapper {
 public:
  Written(FaultyDisk& disk, std::string path, std::shared_ptr<File> file,
          std::unique_ptr<rocksdb::FSWritableFile> target)
      : FSWritableFileWrapper(target.get()),
        disk_(disk),
        path_(std::move(path)),
        file_(std::move(file)),
        target_(std::move(target)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    bool lastGasp = false;
    IOStatus allowed = disk_.begin(DiskOp::append, path_, &lastGasp);
    if (!allowed.ok() && !lastGasp) return allowed;
    IOStatus done = target_->Append(data, options, debug);
    std::lock_guard lock(disk_.mutex_);
    if (done.ok()) file_->size += data.size();
    return lastGasp ? allowed : done;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus allowed = disk_.begin(DiskOp::truncate, path_); !allowed.ok()) return allowed;
    IOStatus done = target_->Truncate(size, options, debug);
    std::lock_guard lock(disk_.mutex_);
    if (done.ok()) file_->size = size;
    return done;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus Allocate(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  IOStatus sync() {
    if (IOStatus allowed = disk_.begin(DiskOp::sync, path_); !allowed.ok()) return allowed;
    std::lock_guard lock(disk_.mutex_);
    file_->synced = file_->size;
    return IOStatus::OK();
  }

  FaultyDisk& disk_;
  std::string path_;
  std::shared_ptr<File> file_;
  std::unique_ptr<rocksdb::FSWritableFile> target_;
};

/// Written in place: after a cut as it was synced, or as it was written last.
class FaultyDisk::Overwritten final : public rocksdb::FSRandomRWFileWrapper {
 public:
  Overwritten(FaultyDisk& disk, std::string path, std::shared_ptr<File> file,
              std::unique_ptr<rocksdb::FSRandomRWFile> target)
      : FSRandomRWFileWrapper(target.get()),
        disk_(disk),
        path_(std::move(path)),
        file_(std::move(file)),
        target_(std::move(target)) {}

  IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                 IODebugContext* debug) override {
    if (IOStatus allowed = disk_.begin(DiskOp::overwrite, path_); !allowed.ok()) return allowed;
    std::lock_guard lock(disk_.mutex_);
    if (!file_->overwritten) {
      file_->before = content_of(path_);
      file_->overwritten = true;
    }
    return target_->Write(offset, data, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }

 private:
  IOStatus sync() {
    if (IOStatus allowed = disk_.begin(DiskOp::sync, path_); !allowed.ok()) return allowed;
    std::lock_guard lock(disk_.mutex_);
    file_->overwritten = false;
    return IOStatus::OK();
  }

  FaultyDisk& disk_;
  std::string path_;
  std::shared_ptr<File> file_;
  std::unique_ptr<rocksdb::FSRandomRWFile> target_;
};

class FaultyDisk::Folder final : public rocksdb::FSDirectory {
 public:
  Folder(FaultyDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (IOStatus allowed = disk_.begin(DiskOp::sync_folder, path_); !allowed.ok()) return allowed;
    disk_.folder_synced(path_);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FaultyDisk& disk_;
  std::string path_;
};

FaultyDisk::FaultyDisk(std::string graveyard)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), graveyard_(std::move(graveyard)) {
  fs::create_directories(graveyard_);
  // The environment must not own the disk that owns it.
  env_ = rocksdb::NewCompositeEnv(std::shared_ptr<rocksdb::FileSystem>(this, [](rocksdb::FileSystem*) {}));
}

FaultyDisk::~FaultyDisk() = default;

void FaultyDisk::observe(Observer observer) {
  std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

void FaultyDisk::cut_after(std::uint64_t operations) {
  std::lock_guard lock(mutex_);
  cutAt_ = operations == 0 ? 0 : operations_ + operations;
}

void FaultyDisk::cut() {
  std::lock_guard lock(mutex_);
  cut_ = true;
}

bool FaultyDisk::is_cut() {
  std::lock_guard lock(mutex_);
  return cut_;
}

std::uint64_t FaultyDisk::operations() {
  std::lock_guard lock(mutex_);
  return operations_;
}

IOStatus FaultyDisk::begin(DiskOp what, const std::string& path, bool* lastGasp) {
  Observer observer;
  {
    std::lock_guard lock(mutex_);
    if (!cut_ && ++operations_ == cutAt_) {
      cut_ = true;
      // Of what is being appended when the power fails some may have arrived.
      if (lastGasp != nullptr) *lastGasp = true;
    }
    if (cut_) return IOStatus::IOError("the power is off");
    observer = observer_;
  }
  return observer ? observer(what, path) : IOStatus::OK();
}

std::shared_ptr<FaultyDisk::File> FaultyDisk::file_at(const std::string& path) {
  auto& file = files_[path];
  if (file != nullptr) return file;
  file = std::make_shared<File>();
  std::error_code missing;
  const std::uintmax_t size = fs::file_size(path, missing);
  // What was there before anybody looked is taken for synced.
  file->size = file->synced = missing ? 0 : size;
  return file;
}

std::string FaultyDisk::bury(const std::string& path) {
  if (!fs::exists(path)) return {};
  std::string grave = graveyard_ + "/" + std::to_string(++graves_);
  fs::create_hard_link(path, grave);
  return grave;
}

IOStatus FaultyDisk::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (is_noise(name)) return target()->NewWritableFile(name, options, file, debug);
  const std::string path = normal(name);
  if (IOStatus allowed = begin(DiskOp::create, path); !allowed.ok()) return allowed;
  std::lock_guard lock(mutex_);
  const bool known = fs::exists(path);
  std::unique_ptr<rocksdb::FSWritableFile> made;
  if (IOStatus done = target()->NewWritableFile(path, options, &made, debug); !done.ok()) return done;
  auto fresh = std::make_shared<File>();
  files_[path] = fresh;
  if (!known) changes_[folder_of(path)].push_back({DiskOp::create, path, {}, {}, nullptr});
  *file = std::make_unique<Written>(*this, path, std::move(fresh), std::move(made));
  return IOStatus::OK();
}

IOStatus FaultyDisk::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file,
                                        IODebugContext* debug) {
  const std::string path = normal(name);
  std::lock_guard lock(mutex_);
  if (cut_) return IOStatus::IOError("the power is off");
  std::shared_ptr<File> known = file_at(path);
  std::unique_ptr<rocksdb::FSWritableFile> opened;
  if (IOStatus done = target()->ReopenWritableFile(path, options, &opened, debug); !done.ok()) return done;
  *file = std::make_unique<Written>(*this, path, std::move(known), std::move(opened));
  return IOStatus::OK();
}

IOStatus FaultyDisk::NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSRandomRWFile>* file, IODebugContext* debug) {
  const std::string path = normal(name);
  std::lock_guard lock(mutex_);
  if (cut_) return IOStatus::IOError("the power is off");
  std::shared_ptr<File> known = file_at(path);
  std::unique_ptr<rocksdb::FSRandomRWFile> opened;
  if (IOStatus done = target()->NewRandomRWFile(path, options, &opened, debug); !done.ok()) return done;
  *file = std::make_unique<Overwritten>(*this, path, std::move(known), std::move(opened));
  return IOStatus::OK();
}

IOStatus FaultyDisk::NewDirectory(const std::string& path, const IOOptions& options,
                                  std::unique_ptr<rocksdb::FSDirectory>* folder, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  if (IOStatus done = target()->NewDirectory(path, options, &real, debug); !done.ok()) return done;
  *folder = std::make_unique<Folder>(*this, normal(path));
  return IOStatus::OK();
}

IOStatus FaultyDisk::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) {
  if (is_noise(name)) return target()->DeleteFile(name, options, debug);
  const std::string path = normal(name);
  if (IOStatus allowed = begin(DiskOp::remove, path); !allowed.ok()) return allowed;
  std::lock_guard lock(mutex_);
  Change change{DiskOp::remove, path, {}, bury(path), file_at(path)};
  if (IOStatus done = target()->DeleteFile(path, options, debug); !done.ok()) return done;
  files_.erase(path);
  changes_[folder_of(path)].push_back(std::move(change));
  return IOStatus::OK();
}

IOStatus FaultyDisk::RenameFile(const std::string& source, const std::string& target_name,
                                const IOOptions& options, IODebugContext* debug) {
  if (is_noise(source)) return target()->RenameFile(source, target_name, options, debug);
  const std::string from = normal(source);
  const std::string to = normal(target_name);
  if (IOStatus allowed = begin(DiskOp::rename, to); !allowed.ok()) return allowed;
  std::lock_guard lock(mutex_);
  std::shared_ptr<File> moved = file_at(from);
  Change change{DiskOp::rename, to, from, bury(to), nullptr};
  if (!change.grave.empty()) change.gone = file_at(to);
  if (IOStatus done = target()->RenameFile(from, to, options, debug); !done.ok()) return done;
  files_.erase(from);
  files_[to] = std::move(moved);
  changes_[folder_of(to)].push_back(std::move(change));
  return IOStatus::OK();
}

IOStatus FaultyDisk::LinkFile(const std::string& source, const std::string& target_name,
                              const IOOptions& options, IODebugContext* debug) {
  const std::string from = normal(source);
  const std::string to = normal(target_name);
  if (IOStatus allowed = begin(DiskOp::link, to); !allowed.ok()) return allowed;
  std::lock_guard lock(mutex_);
  if (IOStatus done = target()->LinkFile(from, to, options, debug); !done.ok()) return done;
  files_[to] = file_at(from);
  changes_[folder_of(to)].push_back({DiskOp::link, to, {}, {}, nullptr});
  return IOStatus::OK();
}

IOStatus FaultyDisk::Truncate(const std::string& name, std::size_t size, const IOOptions& options,
                              IODebugContext* debug) {
  const std::string path = normal(name);
  if (IOStatus allowed = begin(DiskOp::truncate, path); !allowed.ok()) return allowed;
  std::lock_guard lock(mutex_);
  std::shared_ptr<File> file = file_at(path);
  IOStatus done = target()->Truncate(path, size, options, debug);
  if (done.ok()) {
    file->size = size;
    file->synced = std::min<std::uint64_t>(file->synced, size);
  }
  return done;
}

void FaultyDisk::folder_synced(const std::string& path) {
  std::lock_guard lock(mutex_);
  for (const Change& change : changes_[path]) {
    if (!change.grave.empty()) fs::remove(change.grave);
  }
  changes_.erase(path);
}

void FaultyDisk::undo(const Change& change) {
  std::error_code ignored;
  switch (change.what) {
    case DiskOp::create:
    case DiskOp::link:
      fs::remove(change.path, ignored);
      files_.erase(change.path);
      break;
    case DiskOp::rename:
      fs::rename(change.path, change.from, ignored);
      files_[change.from] = files_[change.path];
      files_.erase(change.path);
      [[fallthrough]];
    default:
      if (change.grave.empty()) break;
      fs::rename(change.grave, change.path, ignored);
      files_[change.path] = change.gone;
      break;
  }
}

void FaultyDisk::lose_tail(const std::string& path, File& file, std::mt19937_64& random) {
  std::error_code ignored;
  if (!fs::exists(path)) return;
  if (file.overwritten) {
    if (random() % 2 == 0) std::ofstream(path, std::ios::binary | std::ios::trunc) << file.before;
    return;
  }
  if (file.size <= file.synced) return;
  const std::uint64_t tail = file.size - file.synced;
  const std::uint64_t kept = random() % 3 == 0 ? 0 : random() % (tail + 1);
  fs::resize_file(path, file.synced + kept, ignored);
  const std::uint64_t synced = std::exchange(file.synced, file.synced + kept);
  file.size = file.synced;  // it may have a second name
  // A log's pages may have been written in another order than theirs: one that was not reads as zeros.
  if (kept < 2 || random() % 3 != 0 || fs::path(path).extension() != ".log") return;
  const std::uint64_t from = synced + random() % kept;
  const std::uint64_t to = std::min(file.size, (from / kSector + 1 + random() % 4) * kSector);
  std::fstream hole(path, std::ios::binary | std::ios::in | std::ios::out);
  hole.seekp(static_cast<std::streamoff>(from));
  hole << std::string(to - from, '\0');
}

void FaultyDisk::restore(std::mt19937_64& random) {
  std::lock_guard lock(mutex_);
  for (auto& [folder, changes] : changes_) {
    const std::size_t kept = random() % 2 == 0 ? 0 : random() % (changes.size() + 1);
    while (changes.size() > kept) {
      undo(changes.back());
      changes.pop_back();
    }
  }
  for (const auto& [path, file] : files_) {
    if (file != nullptr) lose_tail(path, *file, random);
  }
  files_.clear();
  changes_.clear();
  fs::remove_all(graveyard_);
  fs::create_directories(graveyard_);
  cut_ = false;
  cutAt_ = 0;
}

}  // namespace chatcore::rocks
