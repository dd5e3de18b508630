// The directory of a file sink before anything is written: whether it can be used, and what earlier jobs have left in
// it. Users want file/sink.hpp.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::file {

/// What a sink does with a directory that holds files already (names that start with '.' do not count). Where a job
/// goes on from a checkpoint they are its own and stay.
enum class Existing {
  kRefuse,  ///< the job fails before anything is written
  kKeep,    ///< new files come beside them; no name is used twice
};

namespace detail {

/// Looks at the directory once for all shards of a sink: the second one to open would find the first one's files.
/// Thread-safe.
class MILLSTREAM_EXPORT DirectoryGate {
 public:
  /// Makes the directory if it is missing, and warns of unfinished files in it. In a job with checkpoints the folders
  /// that lead to it are on the disk then.
  [[nodiscard]] Status enter(const SinkContext& context, const std::string& directory, Existing existing);
  void leave(SinkEnd end);

 private:
  std::mutex mutex_;
  bool checked_ = false;
  Status result_;
  int inside_ = 0;
};

/// The name under which a file `name` is written before it is visible: ".NAME.inprogress".
[[nodiscard]] std::string unfinished_name(const std::string& name);
/// `name` for ".NAME.inprogress"; empty for any other name.
[[nodiscard]] std::string_view visible_name(std::string_view unfinished);

/// The folder that holds the path.
[[nodiscard]] std::string parent_folder(const std::string& path);

}  // namespace detail
}  // namespace millstream::inline v0::file
