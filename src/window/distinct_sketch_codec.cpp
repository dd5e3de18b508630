// The binary form of DistinctSketch, part of the state format. Format 1: u8 version, u8 precision, varint number of
// sparse entries plus one, or 0 when dense. Sparse: the entries ascending, as varint distance to the one before (the
// first to 0). Dense: 2^precision registers of 6 bits, four in three bytes, the first in the lowest bits.
#include <algorithm>

#include "core/bytes.hpp"
#include "millstream/window/distinct_sketch.hpp"
#include "window/distinct_layout.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::uint8_t kFormat = 1;

bool read_registers(std::string_view& in, int precision, std::vector<std::uint8_t>& registers) {
  const std::size_t size = std::size_t{1} << precision;
  if (in.size() < size / 4 * 3) return false;
  registers.reserve(size);
  for (std::size_t at = 0; at < size / 4 * 3; at += 3) {
    std::uint32_t four = 0;
    for (std::size_t k = 0; k < 3; ++k) four |= std::uint32_t{static_cast<std::uint8_t>(in[at + k])} << (8 * k);
    for (int k = 0; k < 4; ++k) registers.push_back(static_cast<std::uint8_t>((four >> (6 * k)) & 63));
  }
  in.remove_prefix(size / 4 * 3);
  const std::uint8_t highest = *std::max_element(registers.begin(), registers.end());
  return highest > 0 && highest <= 64 - precision + 1;
}

bool read_entries(std::string_view& in, std::uint64_t size, std::vector<std::uint32_t>& entries) {
  if (size > in.size()) return false;  // an entry takes a byte at least
  entries.reserve(static_cast<std::size_t>(size));
  std::uint64_t entry = 0;
  for (std::uint64_t k = 0; k < size; ++k) {
    constexpr std::uint64_t kEnd = std::uint64_t{1} << (detail::kSparseBits + detail::kRankBits);
    const std::uint64_t before = entry;
    std::uint64_t step = 0;
    if (!detail::read_varint(in, step) || step >= kEnd - before) return false;
    entry += step;
    if (k > 0 && entry >> detail::kRankBits == before >> detail::kRankBits) return false;
    const std::uint64_t rank = entry & ((1U << detail::kRankBits) - 1);
    if (rank == 0 || rank > detail::kSparseRankMax) return false;
    entries.push_back(static_cast<std::uint32_t>(entry));
  }
  return true;
}

}  // namespace

void DistinctSketch::encode(std::string& out) const {
  out.push_back(static_cast<char>(kFormat));
  out.push_back(static_cast<char>(precision_));
  detail::append_varint(out, dense() ? 0 : sparse_.size() + 1);
  std::uint32_t before = 0;
  for (const std::uint32_t entry : sparse_) {
    detail::append_varint(out, entry - before);
    before = entry;
  }
  for (std::size_t i = 0; i < registers_.size(); i += 4) {
    std::uint32_t four = 0;
    for (std::size_t k = 0; k < 4; ++k) four |= std::uint32_t{registers_[i + k]} << (6 * k);
    for (int k = 0; k < 3; ++k) out.push_back(static_cast<char>(static_cast<std::uint8_t>(four >> (8 * k))));
  }
}

bool DistinctSketch::decode(std::string_view& in, DistinctSketch& out) {
  std::string_view rest = in;
  std::uint8_t format = 0;
  std::uint8_t precision = 0;
  std::uint64_t form = 0;
  if (!detail::read_byte(rest, format) || format != kFormat) return false;
  if (!detail::read_byte(rest, precision) || precision < kPrecisionMin || precision > kPrecisionMax) return false;
  if (!detail::read_varint(rest, form)) return false;
  DistinctSketch read{precision};
  if (form == 0) {
    if (!read_registers(rest, precision, read.registers_)) return false;
  } else {
    if (form - 1 > read.sparse_max() || !read_entries(rest, form - 1, read.sparse_)) return false;
  }
  in = rest;
  out = std::move(read);
  return true;
}

}  // namespace millstream::inline v0
