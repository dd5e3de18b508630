// Reads a compressed file a chunk at a time and says where it is damaged.
#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "connectors/file/decompressor.hpp"

namespace millstream::inline v0::file::detail {
namespace {

constexpr std::size_t kInputBytes = std::size_t{64} << 10;
constexpr int kInputsPerRead = 4;  // data that expands to nothing must not hold the shard

class DecompressingStream final : public ByteStream {
 public:
  DecompressingStream(std::unique_ptr<ReadableFile> file, std::string path, std::unique_ptr<Decompressor> decompressor,
                      std::uint64_t offset)
      : file_{std::move(file)},
        path_{std::move(path)},
        decompressor_{std::move(decompressor)},
        to_skip_{offset},
        input_(kInputBytes) {}

  Result<Piece> read(std::span<char> into) override {
    for (int inputs = 0; inputs < kInputsPerRead;) {
      const Result<Decompressor::Step> step = decompressor_->decompress({input_.data() + begin_, end_ - begin_}, into);
      if (!step) return damaged(step.error().message());
      begin_ += step->consumed;
      complete_ = step->between_members;
      if (step->produced > 0) return deliver(into, step->produced);
      if (step->consumed > 0 && begin_ < end_) continue;
      if (begin_ < end_) return damaged("the data does not go on");
      const Result<std::size_t> n = file_->read_at(file_offset_, input_);
      if (!n) return n.error();
      if (*n == 0) return at_end();
      file_offset_ += *n;
      begin_ = 0;
      end_ = *n;
      ++inputs;
    }
    return Piece{Piece::Kind::kBytes, 0};
  }

 private:
  Piece deliver(std::span<char> bytes, std::size_t size) {
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, size));
    to_skip_ -= skipped;
    if (skipped > 0) std::memmove(bytes.data(), bytes.data() + skipped, size - skipped);
    return {Piece::Kind::kBytes, size - skipped};
  }
  Result<Piece> at_end() {
    if (!complete_) return damaged("the compressed data is cut off");
    if (to_skip_ > 0) return damaged("the position to go on from is behind its end: the file was changed since");
    return Piece{Piece::Kind::kEnd};
  }
  [[nodiscard]] Status damaged(const std::string& reason) const {
    return {ErrorCode::kInvalidData,
            path_ + ": byte " + std::to_string(file_offset_ - (end_ - begin_)) + " of the compressed file: " + reason};
  }

  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  std::unique_ptr<Decompressor> decompressor_;
  std::uint64_t to_skip_;
  std::vector<char> input_;
  std::size_t begin_ = 0;  // of what the decompressor has not taken yet
  std::size_t end_ = 0;
  std::uint64_t file_offset_ = 0;
  bool complete_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> decompressing_stream(std::unique_ptr<ReadableFile> file, std::string path,
                                                 Compression compression, std::uint64_t offset) {
  return std::make_unique<DecompressingStream>(
      std::move(file), std::move(path), compression == Compression::kGzip ? gzip_decompressor() : zstd_decompressor(),
      offset);
}

}  // namespace millstream::inline v0::file::detail
