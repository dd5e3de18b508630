// Lets sketches stand in keyed state and windows: their own binary form, with its length before it.
#pragma once

#include <string>
#include <string_view>

#include "millstream/codec/codec.hpp"
#include "millstream/window/distinct_sketch.hpp"
#include "millstream/window/quantile_sketch.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class Sketch>
struct SketchCodec {
  static void encode(const Sketch& value, ByteWriter& out) {
    std::string bytes;
    value.encode(bytes);
    out.write_varint(bytes.size());
    out.write_bytes(bytes);
  }
  [[nodiscard]] static bool decode(ByteReader& in, Sketch& value) {
    std::size_t size = 0;
    std::string_view bytes;
    return in.read_count(size) && in.read_view(size, bytes) && Sketch::decode(bytes, value) && bytes.empty();
  }
};

}  // namespace detail

template <>
struct Codec<QuantileSketch> : detail::SketchCodec<QuantileSketch> {
  static constexpr std::string_view kName = "quantile_sketch";
};
template <>
struct Codec<DistinctSketch> : detail::SketchCodec<DistinctSketch> {
  static constexpr std::string_view kName = "distinct_sketch";
};

}  // namespace millstream::inline v0
