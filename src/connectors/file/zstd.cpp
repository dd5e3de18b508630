// zstd (RFC 8878) through its library. Frames that ask for a window beyond the library's default of 128 MiB are
// refused.
#include <zstd.h>

#include <new>
#include <string>

#include "connectors/file/decompressor.hpp"

namespace millstream::inline v0::file::detail {
namespace {

class Zstd final : public Decompressor {
 public:
  Zstd() : stream_{::ZSTD_createDStream()} {
    if (stream_ == nullptr) throw std::bad_alloc{};
  }
  ~Zstd() override { ::ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Result<Step> decompress(std::span<const char> in, std::span<char> out) override {
    // Called without input it would start to wait for the next frame's header and forget that the last one ended.
    if (in.empty() && between_frames_) return Step{.between_members = true};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t result = ::ZSTD_decompressStream(stream_, &output, &input);
    if (::ZSTD_isError(result) != 0) {
      return Status{ErrorCode::kInvalidData, std::string{"zstd: "} + ::ZSTD_getErrorName(result)};
    }
    between_frames_ = result == 0;
    return Step{input.pos, output.pos, between_frames_};
  }

 private:
  ZSTD_DStream* stream_;
  bool between_frames_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> zstd_decompressor() { return std::make_unique<Zstd>(); }

}  // namespace millstream::inline v0::file::detail
