// gzip (RFC 1952) through zlib.
#define ZLIB_CONST
#include <zlib.h>

#include <new>
#include <string>

#include "connectors/file/decompressor.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0::file::detail {
namespace {

constexpr int kGzipOnly = 15 + 16;  // the largest window, and no zlib header

class Gzip final : public Decompressor {
 public:
  Gzip() {
    if (::inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc{};
  }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Result<Step> decompress(std::span<const char> in, std::span<char> out) override {
    Step step;
    if (member_ended_) {
      // Tape-like tools pad a file with zeros, which no member starts with.
      while (step.consumed < in.size() && in[step.consumed] == '\0') ++step.consumed;
      step.between_members = true;
      if (step.consumed == in.size()) return step;
      MILLSTREAM_ASSERT(::inflateReset(&stream_) == Z_OK);
      member_ended_ = false;
    }
    stream_.next_in = reinterpret_cast<const Bytef*>(in.data() + step.consumed);
    stream_.avail_in = static_cast<uInt>(in.size() - step.consumed);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    // Z_BUF_ERROR: nothing to do without more input.
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return Status{ErrorCode::kInvalidData,
                    std::string{"gzip: "} + (stream_.msg != nullptr ? stream_.msg : ::zError(result))};
    }
    member_ended_ = result == Z_STREAM_END;
    step.consumed = in.size() - stream_.avail_in;
    step.produced = out.size() - stream_.avail_out;
    step.between_members = member_ended_;
    return step;
  }

 private:
  z_stream stream_{};
  bool member_ended_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> gzip_decompressor() { return std::make_unique<Gzip>(); }

}  // namespace millstream::inline v0::file::detail
