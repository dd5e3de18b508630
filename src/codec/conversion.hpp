// Conversion: a program that rewrites the bytes of a value from the layout of one schema into that of another. The
// resolver (schema_resolution.cpp) makes it once for a state, a restore runs it for each entry.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/bytes.hpp"
#include "millstream/codec/schema.hpp"

namespace millstream::inline v0::detail {

/// What is done with one value that was written. Steps refer to each other, in circles where types do.
struct ConversionStep {
  enum class Kind : std::uint8_t {
    kFixed,     ///< `size` bytes
    kString,    ///< a count and as many bytes
    kOptional,  ///< 0, or 1 and the part
    kSequence,  ///< a count and as often all parts
    kArray,     ///< `size` times all parts
    kTuple,     ///< all parts
    kVariant,   ///< an index and that part
    kOpaque,    ///< as much as hooks->skip reads
    kStruct,    ///< the parts as they were written; `fields` say what is kept
    kMigrate,   ///< the part, then hooks->migrate
  };
  /// One field of the struct that is read.
  struct Field {
    std::size_t part = kDefault;  ///< where it stands among those that were written
    std::string bytes;            ///< of one that was not written
  };
  static constexpr std::size_t kDefault = static_cast<std::size_t>(-1);

  Kind kind = Kind::kFixed;
  std::uint64_t size = 0;
  const SchemaHooks* hooks = nullptr;
  std::vector<const ConversionStep*> parts;
  std::vector<Field> fields;
  bool in_order = true;  ///< fields that are kept stand as they were written
};

/// The steps of one resolution; they stay where they are.
using ConversionProgram = std::deque<ConversionStep>;

/// Reads one value and appends it as `step` says, or reads it only where `out` is null. False where the bytes are no
/// such value; throws what a migrate throws.
[[nodiscard]] bool run_conversion(const ConversionStep& step, ByteReader& in, std::string* out);

}  // namespace millstream::inline v0::detail
