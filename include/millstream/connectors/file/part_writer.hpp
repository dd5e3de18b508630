// The part of writing files that does not depend on the type of the records: names, folders, rolling, and making files
// visible only when they are whole. Users want file/sink.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::file {

/// What a sink does with a directory that holds files already (names that start with '.' do not count).
enum class Existing {
  kRefuse,  ///< the job fails before anything is written
  kKeep,    ///< new files come beside them; no name is used twice
};

namespace detail {

struct PartOptions {
  std::string directory = {};
  std::string suffix = {};  ///< of file names, with its dot
  std::string header = {};  ///< at the start of each file
  std::uint64_t roll_bytes = 0;
  Duration roll_interval{0};
  std::size_t open_files_max = 0;
  Existing existing = Existing::kRefuse;
};

/// Looks at the directory once for all shards of a sink: the second one to open would find the first one's files.
class MILLSTREAM_EXPORT DirectoryGate {
 public:
  [[nodiscard]] Status enter(FileSystem& files, const PartOptions& options);
  void leave(SinkEnd end);

 private:
  std::mutex mutex_;
  bool checked_ = false;
  Status result_;
  int inside_ = 0;
};

/// The files of one shard. For one thread.
class MILLSTREAM_EXPORT PartWriter {
 public:
  PartWriter(PartOptions options, std::shared_ptr<DirectoryGate> gate);
  /// Removes what is not yet visible.
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  [[nodiscard]] Status open(SinkContext& context);
  /// Where the next record of this folder (relative to the directory) is to be appended; then call commit().
  [[nodiscard]] Result<std::string*> buffer(std::string_view folder);
  [[nodiscard]] Status commit();
  /// Makes the files visible that are older than the interval. To be called once a batch.
  [[nodiscard]] Status roll_old();
  [[nodiscard]] Status flush();
  [[nodiscard]] Status close(SinkEnd end);

 private:
  struct Part {
    std::string folder;     // with the directory
    std::string temporary;  // paths
    std::string name;
    std::unique_ptr<WritableFile> file;
    std::string buffer;
    std::uint64_t bytes = 0;  // in the file
    std::int64_t opened_ns = 0;
    std::uint64_t last_use = 0;
  };
  using Parts = std::map<std::string, Part, std::less<>>;  // by relative folder

  [[nodiscard]] Status start_part(std::string_view folder);
  [[nodiscard]] Status make_folder(const std::string& folder) const;
  [[nodiscard]] Status create_file(Part& part);
  [[nodiscard]] Status spill(Part& part);
  [[nodiscard]] Status publish(Parts::iterator part);
  void discard();

  PartOptions options_;
  std::shared_ptr<DirectoryGate> gate_;
  SinkContext* context_ = nullptr;
  std::string run_;  // tells the files of this run from those of earlier ones
  std::uint64_t next_number_ = 1;
  std::uint64_t uses_ = 0;
  Parts parts_;
  Parts::iterator current_ = parts_.end();
  bool entered_ = false;
};

}  // namespace detail
}  // namespace millstream::inline v0::file
