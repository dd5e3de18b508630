// Follows a path like `tail -F`: past rotation, truncation, and a file that does not exist yet.
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "connectors/file/byte_stream.hpp"
#include "connectors/file/rotated_files.hpp"
#include "millstream/core/hash.hpp"

namespace millstream::inline v0::file::detail {
namespace {

class FollowedStream final : public ByteStream {
 public:
  FollowedStream(SplitContext& context, std::string path) : context_{context}, path_{std::move(path)} {}

  /// Starts in the file that `identity` names, or else at the start of the one at the path; returns the offset used.
  Result<std::uint64_t> start(std::uint64_t offset, const std::string& identity) {
    const std::optional<FileIdentity> wanted = parse_file_identity(identity);
    if (!wanted) {
      // At once, and not at the first read: from here on the position says which file it is.
      const Status opened = open(path_);
      if (!opened.ok() && opened.code() != ErrorCode::kNotFound) return opened;
      return std::uint64_t{0};
    }
    const Result<std::string> place = find_rotated(files(), path_, wanted->id);
    if (!place && place.error().code() != ErrorCode::kNotFound) return place.error();
    if (!place) {
      warn("the file at which reading stopped is gone; reading goes on with the one there is now");
      return std::uint64_t{0};
    }
    if (Status s = open(*place); !s.ok()) return s;
    const Result<FileInfo> info = file_->info();
    if (!info) return info.error();
    if (offset > info->size_bytes) {
      warn("the file has become shorter since reading stopped; it is read from its start");
      return std::uint64_t{0};
    }
    const Result<bool> same = begins_as(*wanted);
    if (!same) return same.error();
    if (!*same) {
      warn(
          "the file at which reading stopped is gone, or was written anew; the one that has its inode now is read from "
          "its start");
      head_.bytes.clear();
      return std::uint64_t{0};
    }
    offset_ = offset;
    return offset;
  }

  Result<Piece> read(std::span<char> into) override {
    if (!file_) {
      const Status opened = open(path_);
      if (opened.code() == ErrorCode::kNotFound) return Piece{Piece::Kind::kWait};
      if (!opened.ok()) return opened;
    }
    for (;;) {
      const Result<std::size_t> n = file_->read_at(offset_, into);
      if (!n) return n.error();
      add_to_head({into.data(), *n}, offset_);
      offset_ += *n;
      if (*n > 0) return Piece{Piece::Kind::kBytes, *n};
      if (replaced_) return next_file();

      const Result<FileInfo> now = files().info(path_);
      if (!now && now.error().code() != ErrorCode::kNotFound) return now.error();
      if (!now) return Piece{Piece::Kind::kWait};
      if (now->id != head_.id) {
        replaced_ = true;  // read once more: the writer may have added to the old file before the new one came
        continue;
      }
      if (now->size_bytes >= offset_) return Piece{Piece::Kind::kWait};
      warn("the file has become shorter; it is read again from its start");
      offset_ = 0;
      head_.bytes.clear();
      return Piece{Piece::Kind::kTruncated};
    }
  }

  const FileHead* head() const override { return file_ ? &head_ : nullptr; }

 private:
  Status open(const std::string& place) {
    Result<std::unique_ptr<ReadableFile>> file = files().open(place);
    if (!file) return file.error();
    const Result<FileInfo> info = (*file)->info();
    if (!info) return info.error();
    if (!info->is_file) return not_a_file(place);
    file_ = *std::move(file);
    head_ = {info->id, {}};
    offset_ = 0;
    replaced_ = false;
    return {};
  }

  void add_to_head(std::string_view bytes, std::uint64_t offset) {
    if (head_.bytes.size() == kHeadBytes || head_.bytes.size() < offset || head_.bytes.size() >= offset + bytes.size())
      return;
    head_.bytes += bytes.substr(head_.bytes.size() - offset, kHeadBytes - head_.bytes.size());
  }

  // Reads the head of a file that is gone on with.
  Result<bool> begins_as(const FileIdentity& wanted) {
    std::array<char, kHeadBytes> bytes;
    while (head_.bytes.size() < kHeadBytes) {
      const Result<std::size_t> n = file_->read_at(head_.bytes.size(), bytes);
      if (!n) return n.error();
      if (*n == 0) break;
      add_to_head({bytes.data(), *n}, head_.bytes.size());
    }
    return head_.bytes.size() >= wanted.head_bytes &&
           (wanted.head_bytes == 0 || hash_bytes(head_.bytes.data(), wanted.head_bytes) == wanted.head_hash);
  }

  Result<Piece> next_file() {
    const Result<std::string> place = rotated_after(files(), path_, head_.id);
    if (!place) return place.error();
    const Status opened = open(*place);
    // Renamed just now: the old file is still open, so the next poll looks again.
    if (opened.code() == ErrorCode::kNotFound) return Piece{Piece::Kind::kWait};
    if (!opened.ok()) return opened;
    return Piece{Piece::Kind::kNextFile};
  }

  [[nodiscard]] FileSystem& files() const { return context_.file_system(); }
  void warn(const std::string& message) const { context_.log(LogLevel::kWarning, path_ + ": " + message); }

  static constexpr std::size_t kHeadBytes = 1024;

  SplitContext& context_;
  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  std::uint64_t offset_ = 0;
  FileHead head_;          // at most kHeadBytes
  bool replaced_ = false;  // another file has the name now
};

}  // namespace

Result<std::unique_ptr<ByteStream>> follow_stream(SplitContext& context, const std::string& path, std::uint64_t offset,
                                                  const std::string& identity, std::uint64_t& offset_used) {
  auto stream = std::make_unique<FollowedStream>(context, path);
  const Result<std::uint64_t> used = stream->start(offset, identity);
  if (!used) return used.error();
  offset_used = *used;
  return std::unique_ptr<ByteStream>{std::move(stream)};
}

}  // namespace millstream::inline v0::file::detail
