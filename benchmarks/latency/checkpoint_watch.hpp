// When a job's checkpoints begin and end, seen from the file system that the job is given: no part of the engine has to
// tell, and the job runs as it does without.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/file_system.hpp"

namespace latency {

/// Instants as Clock::monotonic_ns().
struct CheckpointMark {
  std::int64_t begin_ns = 0;  // the first file of it was created
  std::int64_t end_ns = 0;    // the marker that commits it had its name
};

/// Passes everything on to another file system, and notes what is done in one state folder. Any thread.
class CheckpointWatch final : public millstream::FileSystem {
 public:
  CheckpointWatch(millstream::FileSystem& below, millstream::Clock& clock) : below_{below}, clock_{clock} {}
  /// Those that are committed, in their order.
  [[nodiscard]] std::vector<CheckpointMark> marks() const;

  millstream::Result<std::unique_ptr<millstream::WritableFile>> create_private(const std::string& path) override;
  millstream::Status rename(const std::string& from, const std::string& to) override;

  millstream::Result<std::unique_ptr<millstream::ReadableFile>> open(const std::string& path) override {
    return below_.open(path);
  }
  millstream::Result<std::unique_ptr<millstream::WritableFile>> create(const std::string& path) override {
    return below_.create(path);
  }
  millstream::Result<std::unique_ptr<millstream::WritableFile>> append_to(const std::string& path) override {
    return below_.append_to(path);
  }
  millstream::Result<millstream::FileInfo> info(const std::string& path) override { return below_.info(path); }
  millstream::Result<std::vector<std::string>> list(const std::string& folder) override { return below_.list(folder); }
  millstream::Status remove(const std::string& path) override { return below_.remove(path); }
  millstream::Status link(const std::string& from, const std::string& to) override { return below_.link(from, to); }
  millstream::Status make_folders(const std::string& path) override { return below_.make_folders(path); }
  millstream::Status sync_folder(const std::string& path) override { return below_.sync_folder(path); }
  std::string working_folder() const override { return below_.working_folder(); }
  millstream::Status make_private_folder(const std::string& path) override { return below_.make_private_folder(path); }
  millstream::Result<std::unique_ptr<millstream::ReadableFile>> open_private(const std::string& path) override {
    return below_.open_private(path);
  }
  millstream::Result<std::unique_ptr<millstream::FileLock>> lock(const std::string& path) override {
    return below_.lock(path);
  }

 private:
  millstream::FileSystem& below_;
  millstream::Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<CheckpointMark> marks_;
  std::optional<std::int64_t> begin_ns_;  // of the one under way
};

}  // namespace latency
