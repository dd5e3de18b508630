// StateFolderView: the checkpoints of a state folder and what became of each, read beside a job that may be running.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "millstream/checkpoint/local_checkpoint_store.hpp"

namespace millstream::tools {

struct CheckpointView {
  Result<Manifest> manifest;
  std::string_view became;  ///< "committed", "prepared", "damaged", or "unknown" where what would tell is damaged
};

class StateFolderView {
 public:
  static Result<StateFolderView> open(const std::string& folder);

  [[nodiscard]] CheckpointStore& store() { return *store_; }
  [[nodiscard]] const std::map<std::uint64_t, CheckpointView>& checkpoints() const { return checkpoints_; }
  /// An error where COMMITTED cannot be read.
  [[nodiscard]] const Status& marker() const { return marker_; }
  /// An intact manifest: of `id`, else of the newest committed one. The error says where to look next.
  [[nodiscard]] Result<Manifest> choose(const std::optional<std::uint64_t>& id) const;
  /// kNotFound for what the job has dropped since the folder was opened.
  [[nodiscard]] Status verify(const Manifest& manifest);
  /// The newest one of which every file is intact.
  [[nodiscard]] std::optional<std::uint64_t> newest_intact();

 private:
  explicit StateFolderView(std::string folder) : folder_{std::move(folder)} {}
  Status read();

  std::string folder_;
  std::unique_ptr<LocalCheckpointStore> store_;
  std::map<std::uint64_t, CheckpointView> checkpoints_;
  std::optional<CheckpointId> committed_;
  Status marker_;
};

/// Of all files that the manifest names.
std::uint64_t size_bytes(const Manifest& manifest);

}  // namespace millstream::tools
