// Plain files and descriptors as byte streams.
#include "connectors/file/byte_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "connectors/file/decompressor.hpp"

namespace millstream::inline v0::file::detail {
namespace {

class PlainStream final : public ByteStream {
 public:
  PlainStream(std::unique_ptr<ReadableFile> file, std::uint64_t offset) : file_{std::move(file)}, offset_{offset} {}

  Result<Piece> read(std::span<char> into) override {
    const Result<std::size_t> n = file_->read_at(offset_, into);
    if (!n) return n.error();
    offset_ += *n;
    return *n == 0 ? Piece{Piece::Kind::kEnd} : Piece{Piece::Kind::kBytes, *n};
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::uint64_t offset_;
};

class DescriptorStream final : public ByteStream {
 public:
  DescriptorStream(int descriptor, std::string name) : descriptor_{descriptor}, name_{std::move(name)} {}

  // Asks before it reads instead of making the descriptor non-blocking, for other processes share that setting.
  Result<Piece> read(std::span<char> into) override {
    pollfd wanted{descriptor_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, 0);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return Piece{Piece::Kind::kWait};
    if (ready < 0) return file_error("read", name_, errno);
    const ssize_t n = ::read(descriptor_, into.data(), into.size());
    if (n > 0) return Piece{Piece::Kind::kBytes, static_cast<std::size_t>(n)};
    if (n == 0) return Piece{Piece::Kind::kEnd};
    if (errno == EAGAIN || errno == EINTR) return Piece{Piece::Kind::kWait};
    return file_error("read", name_, errno);
  }

 private:
  int descriptor_;
  std::string name_;
};

}  // namespace

Compression compression_of(std::string_view path) {
  if (path.ends_with(".gz")) return Compression::kGzip;
  if (path.ends_with(".zst")) return Compression::kZstd;
  return Compression::kNone;
}

Result<std::unique_ptr<ByteStream>> open_stream(FileSystem& files, const std::string& path, std::uint64_t offset) {
  Result<std::unique_ptr<ReadableFile>> file = files.open(path);
  if (!file) return file.error();
  const Result<FileInfo> info = (*file)->info();
  if (!info) return info.error();
  if (!info->is_file) return not_a_file(path);
  if (const Compression compression = compression_of(path); compression != Compression::kNone) {
    return decompressing_stream(*std::move(file), path, compression, offset);
  }
  if (offset > info->size_bytes) {
    return Status{ErrorCode::kInvalidData, path + " has " + std::to_string(info->size_bytes) +
                                               " bytes, but reading shall go on at byte " + std::to_string(offset) +
                                               ": it was changed since"};
  }
  return std::unique_ptr<ByteStream>{std::make_unique<PlainStream>(*std::move(file), offset)};
}

Status not_a_file(const std::string& path) {
  return {ErrorCode::kInvalidArgument, path + " is not a regular file; for a folder give a pattern such as " + path +
                                           "/*.csv, for a pipe use stdin_source"};
}

std::unique_ptr<ByteStream> descriptor_stream(int descriptor, std::string name) {
  return std::make_unique<DescriptorStream>(descriptor, std::move(name));
}

}  // namespace millstream::inline v0::file::detail
