// The part of writing files that does not depend on the type of the records: names, folders, rolling, and making files
// visible only when they are whole, in a job with checkpoints only when one that covers them is decided. A file that is
// being written has a buffer; it has a descriptor only while it is among those written last. Users want file/sink.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/connectors/file/output_directory.hpp"
#include "millstream/connectors/file/prepared_parts.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::file {

namespace detail {

/// Files of one shard that are being written. One more, and the one not used for longest ends, with a warning: each
/// holds about 1 KiB of memory besides its buffer, and is synced on its own at the end.
inline constexpr std::size_t kUnfinishedFilesMax = 10'000;

/// Bytes of all buffers of one shard. More, and all are written to their files.
inline constexpr std::size_t kBuffersBytesMax = std::size_t{16} << 20;

/// Descriptors of each of so many shards: their limit is the process's (1024 where nobody has raised it).
[[nodiscard]] constexpr std::size_t open_files_of_a_shard(std::uint32_t shards) {
  return std::clamp<std::size_t>(512 / shards, 4, 64);
}

struct PartOptions {
  std::string directory = {};
  std::string suffix = {};  ///< of file names, with its dot
  std::string header = {};  ///< at the start of each file
  std::uint64_t roll_bytes = 0;
  Duration roll_interval{0};
  std::size_t open_files_max = 0;
  Existing existing = Existing::kRefuse;
};

/// The files of one shard. For one thread.
class MILLSTREAM_EXPORT PartWriter {
 public:
  PartWriter(PartOptions options, std::shared_ptr<DirectoryGate> gate);
  /// As close(SinkEnd::kAborted).
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  [[nodiscard]] Status open(SinkContext& context);
  /// Where the next record of this folder (relative to the directory) is to be appended; then call appended().
  [[nodiscard]] Result<std::string*> buffer(std::string_view folder);
  [[nodiscard]] Status appended();
  /// Ends the files that are older than the interval. To be called once a batch.
  [[nodiscard]] Status roll_old();
  [[nodiscard]] Status flush();
  /// Ends all files, and returns the handle of all that are on the disk and not yet committed.
  [[nodiscard]] Result<std::string> prepare();
  /// Makes visible what the newest prepare() returned.
  [[nodiscard]] Status commit(const std::string& handle);
  /// Removes what is neither visible nor prepared: a checkpoint that has that may be decided already. kInternal where
  /// the input has ended and that was not nothing, in a job with checkpoints.
  [[nodiscard]] Status close(SinkEnd end);

 private:
  struct Part {
    std::string folder;     // with the directory
    std::string temporary;  // paths
    std::string name;
    std::unique_ptr<WritableFile> file;  // null while it has no descriptor
    std::list<Part*>::iterator opened;   // in open_, while it has one
    std::string buffer;
    std::size_t buffer_counted = 0;  // of the buffer's capacity, what is in buffers_bytes_
    std::uint64_t bytes = 0;         // in the file
    bool synced = true;              // all of them are on the disk
    std::int64_t started_ns = 0;
    std::list<const std::string*>::iterator use;  // in uses_
  };
  using Parts = std::map<std::string, Part, std::less<>>;  // by relative folder

  [[nodiscard]] Status start_part(std::string_view folder);
  [[nodiscard]] Status end_unused();
  [[nodiscard]] Status make_folder(const std::string& folder);
  [[nodiscard]] Status create_file(Part& part);
  [[nodiscard]] Status make_room();
  [[nodiscard]] Status open_file(Part& part);
  [[nodiscard]] static Status sync(Part& part);
  [[nodiscard]] Status close_file(Part& part);
  [[nodiscard]] Status spill(Part& part);
  [[nodiscard]] Status empty_buffers();
  [[nodiscard]] Status end_part(Parts::iterator part);
  [[nodiscard]] Status end_all();
  void forget(Parts::iterator part);
  void count_buffer(Part& part);
  [[nodiscard]] Status explained(Status status) const;
  void remove_hidden(const std::string& path);
  void discard();

  PartOptions options_;
  std::shared_ptr<DirectoryGate> gate_;
  SinkContext* context_ = nullptr;
  std::string run_;  // tells the files of this run from those of earlier ones, and of other checkpointed sinks
  std::uint64_t next_number_ = 1;
  Parts parts_;
  Parts::iterator current_ = parts_.end();
  std::list<const std::string*> uses_;          // keys of all parts, the last used first
  std::list<Part*> open_;                       // parts with a descriptor, the last written first
  std::set<std::string, std::less<>> folders_;  // whose names are on the disk
  std::vector<PreparedPart> ended_;             // whole and synced, their names not yet; only with checkpoints
  std::vector<PreparedPart> prepared_;          // in the newest handle, not yet committed
  std::size_t buffers_bytes_ = 0;
  std::int64_t oldest_ns_ = 0;  // no part was started before
  bool entered_ = false;
  bool warned_ = false;  // of too many parts
};

}  // namespace detail
}  // namespace millstream::inline v0::file
