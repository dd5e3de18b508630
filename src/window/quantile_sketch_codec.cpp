// The binary form of QuantileSketch, part of the state format. Format 1: u8 version, f64 alpha, varint number of
// buckets; if not 0: f64 min, f64 max, f64 sum, then the buckets by ascending key: the first key as a zigzag varint,
// the others as varint distance to the one before (at least 1), each followed by its varint count (at least 1).
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/bytes.hpp"
#include "core/saturating_count.hpp"
#include "millstream/window/quantile_sketch.hpp"

namespace millstream::inline v0 {
namespace {
constexpr std::uint8_t kFormat = 1;
constexpr std::uint64_t kBucketsMax = 2 * QuantileSketch::kMagnitudesMax + 1;
}  // namespace

void QuantileSketch::encode(std::string& out) const {
  out.push_back(static_cast<char>(kFormat));
  detail::append_double(out, alpha_);
  detail::append_varint(out, buckets_.size());
  if (buckets_.empty()) return;
  for (const double value : {min_, max_, sum_}) detail::append_double(out, value);
  detail::append_varint(out, detail::zigzag(buckets_.front().key));
  std::int64_t before = buckets_.front().key;
  for (const Bucket& bucket : buckets_) {
    if (bucket.key != before) detail::append_varint(out, static_cast<std::uint64_t>(bucket.key - before));
    detail::append_varint(out, bucket.count);
    before = bucket.key;
  }
}

bool QuantileSketch::decode(std::string_view& in, QuantileSketch& out) {
  std::string_view rest = in;
  std::uint8_t format = 0;
  double alpha = 0;
  std::uint64_t size = 0;
  if (!detail::read_byte(rest, format) || format != kFormat) return false;
  if (!detail::read_double(rest, alpha) || !(alpha >= kAlphaMin && alpha <= kAlphaMax)) return false;
  // A bucket takes two bytes at least, which bounds the memory by the input before it is reserved.
  if (!detail::read_varint(rest, size) || size > kBucketsMax || size > rest.size() / 2) return false;
  QuantileSketch read{alpha};
  if (size > 0) {
    std::uint64_t first = 0;
    for (double* value : {&read.min_, &read.max_, &read.sum_}) {
      if (!detail::read_double(rest, *value) || !std::isfinite(*value)) return false;
    }
    if (!detail::read_varint(rest, first)) return false;
    std::int64_t key = detail::unzigzag(first);
    read.buckets_.reserve(static_cast<std::size_t>(size));
    for (std::uint64_t k = 0; k < size; ++k) {
      constexpr std::int64_t kKeyMax = std::numeric_limits<std::int32_t>::max();
      std::uint64_t step = 0;
      std::uint64_t n = 0;
      if (k > 0 && (!detail::read_varint(rest, step) || step == 0 || step > 2 * kKeyMax)) return false;
      if (key < -kKeyMax || key > kKeyMax || !detail::read_varint(rest, n) || n == 0) return false;
      key += static_cast<std::int64_t>(step);
      if (key > kKeyMax) return false;
      read.buckets_.push_back({static_cast<std::int32_t>(key), n});
      read.count_ = detail::saturating_count(read.count_, n);
    }
    if (!read.consistent()) return false;
  }
  in = rest;
  out = std::move(read);
  return true;
}

/// Whether buckets (there are some), min and max can belong to each other.
bool QuantileSketch::consistent() const {
  if (min_ > max_ || (count_ == 1 && min_ != max_)) return false;
  const std::int32_t smallest = key_of(std::numeric_limits<double>::denorm_min());
  const std::int32_t largest = key_of(std::numeric_limits<double>::max());
  std::size_t low = 0;
  std::size_t high = buckets_.size();
  std::size_t magnitudes = 0;
  std::int32_t least = std::numeric_limits<std::int32_t>::max();
  while (low < high) {
    const std::int32_t negative = std::max(0, -buckets_[low].key);
    const std::int32_t positive = std::max(0, buckets_[high - 1].key);
    const std::int32_t magnitude = std::max(negative, positive);
    if (magnitude == 0) break;
    low += negative == magnitude;
    high -= positive == magnitude;
    ++magnitudes;
    least = magnitude;
    if (magnitude < smallest - 1 || magnitude > largest + 1) return false;
  }
  if (low < high && (high - low > 1 || buckets_[low].key != 0)) return false;
  if (magnitudes > kMagnitudesMax) return false;
  // All estimates lie between min and max. One bucket of difference is allowed: another machine's logarithm may round
  // the other way at a bucket's edge. A collapsed magnitude is greater than the value it stands for.
  const auto collapsed = [&](std::int32_t value_key, std::int32_t key) {
    return magnitudes == kMagnitudesMax && std::abs(key) == least && std::abs(value_key) < least;
  };
  const std::int32_t min_key = key_of(min_);
  const std::int32_t max_key = key_of(max_);
  const auto sign = [](std::int32_t key) { return (key > 0) - (key < 0); };
  if (sign(min_key) != sign(buckets_.front().key) || sign(max_key) != sign(buckets_.back().key)) return false;
  return (min_key <= buckets_.front().key + 1 || collapsed(min_key, buckets_.front().key)) &&
         (max_key >= buckets_.back().key - 1 || collapsed(max_key, buckets_.back().key));
}

}  // namespace millstream::inline v0
