// Codec bytes to JSON by a schema: what Codec<T>::decode and encode_json do for a type, step for step, without the
// type.
#include "millstream/codec/schema_json.hpp"

#include <charconv>
#include <concepts>
#include <limits>
#include <numeric>
#include <type_traits>

#include "codec/schema_type.hpp"
#include "millstream/codec/bytes.hpp"
#include "millstream/codec/encode.hpp"

namespace millstream::inline v0 {
namespace {

using detail::ScalarType;
using detail::SchemaType;

/// Calls f(T{}) with the scalar's type.
template <class F>
bool with_scalar(ScalarType type, F f) {
  switch (type) {
    case ScalarType::kBool:
      return f(bool{});
    case ScalarType::kChar:
      return f(char{});
    case ScalarType::kI8:
      return f(std::int8_t{});
    case ScalarType::kI16:
      return f(std::int16_t{});
    case ScalarType::kI32:
      return f(std::int32_t{});
    case ScalarType::kI64:
      return f(std::int64_t{});
    case ScalarType::kU8:
      return f(std::uint8_t{});
    case ScalarType::kU16:
      return f(std::uint16_t{});
    case ScalarType::kU32:
      return f(std::uint32_t{});
    case ScalarType::kU64:
      return f(std::uint64_t{});
    case ScalarType::kF32:
      return f(float{});
    case ScalarType::kF64:
      return f(double{});
  }
  return false;
}

template <class T>
bool read_scalar(ByteReader& in, T& value) {
  if constexpr (std::same_as<T, bool>) {
    std::uint8_t byte = 0;
    if (!in.read_fixed(byte) || byte > 1) return false;
    value = byte == 1;
    return true;
  } else {
    return in.read_fixed(value);
  }
}

/// The tick of a clock in microseconds, as detail::instant_of wants it; false where instants cannot be counted by it.
bool tick_in_microseconds(SchemaType type, std::int64_t& num, std::int64_t& den) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  const std::int64_t shared = std::gcd(kMicroseconds, type.den);
  if (__builtin_mul_overflow(type.num, kMicroseconds / shared, &num)) return false;
  den = type.den / shared;
  const std::int64_t common = std::gcd(num, den);
  num /= common;
  den /= common;
  return den == 1 || (num == 1 && 1000 % den == 0);
}

class SchemaToJson {
 public:
  SchemaToJson(std::string_view bytes, std::string& out) : in_{bytes}, out_{out} {}

  bool value(const Schema& schema) {
    const std::optional<SchemaType> type = detail::parse_schema_type(schema.type);
    if (!type || !type->may_have(schema.fields.size()) || depth_ == kSchemaNestingMax || opaque_seen_) return false;
    ++depth_;
    const bool good = value(schema, *type);
    --depth_;
    return good;
  }
  [[nodiscard]] bool at_end() const noexcept { return in_.remaining() == 0; }

 private:
  bool value(const Schema& schema, SchemaType type);
  bool zero_byte(std::string_view json);
  bool scalar(ScalarType type);
  bool string();
  bool structure(const Schema& schema);
  bool optional(const Schema& held);
  bool list(const Schema& element, std::uint64_t count);
  bool tuple(const Schema& schema);
  bool map(const Schema& key, const Schema& mapped);
  bool variant(const Schema& schema);
  bool enumerator(const Schema& schema, ScalarType type);
  bool instant(SchemaType type);
  bool ordered();
  bool opaque();
  bool recursion(std::uint64_t level);

  ByteReader in_;
  std::string& out_;
  std::vector<const Schema*> structs_;  // around this place, outermost first
  int depth_ = 0;
  bool opaque_seen_ = false;  // it had all the bytes there were
};

bool SchemaToJson::value(const Schema& schema, SchemaType type) {
  using enum SchemaType::Kind;
  switch (type.kind) {
    case kScalar:
    case kDuration:
      return scalar(type.scalar);
    case kString:
      return string();
    case kEmpty:
      return zero_byte("null");
    case kStruct:
      return structure(schema);
    case kOptional:
      return optional(schema.fields[0].schema);
    case kSequence: {
      std::size_t count = 0;
      return in_.read_count(count) && list(schema.fields[0].schema, count);
    }
    case kMap:
      return map(schema.fields[0].schema, schema.fields[1].schema);
    case kArray:
      return type.count == 0 ? zero_byte("[]") : list(schema.fields[0].schema, type.count);
    case kTuple:
      return tuple(schema);
    case kVariant:
      return variant(schema);
    case kEnum:
      return enumerator(schema, type.scalar);
    case kTimestamp:
      return instant(type);
    case kOrdered:
      return ordered();
    case kOpaque:
      return opaque();
    case kRecursive:
      return recursion(type.count);
  }
  return false;
}

// What has nothing to write is one zero byte.
bool SchemaToJson::zero_byte(std::string_view json) {
  out_.append(json);
  char zero = 1;
  return in_.read_fixed(zero) && zero == 0;
}

bool SchemaToJson::scalar(ScalarType type) {
  return with_scalar(type, [this](auto number) {
    if (!read_scalar(in_, number)) return false;
    encode_json(number, out_);
    return true;
  });
}

bool SchemaToJson::string() {
  std::size_t size = 0;
  std::string_view text;
  if (!in_.read_count(size) || !in_.read_view(size, text)) return false;
  encode_json(text, out_);
  return true;
}

bool SchemaToJson::structure(const Schema& schema) {
  if (schema.fields.empty()) return zero_byte("{}");
  if (!in_.enter()) return false;
  structs_.push_back(&schema);
  char before = '{';
  for (const SchemaField& field : schema.fields) {
    out_.push_back(before);
    encode_json(field.name, out_);
    out_.push_back(':');
    if (!value(field.schema)) return false;
    before = ',';
  }
  out_.push_back('}');
  structs_.pop_back();
  in_.leave();
  return true;
}

bool SchemaToJson::optional(const Schema& held) {
  bool has_value = false;
  if (!read_scalar(in_, has_value)) return false;
  if (has_value) return value(held);
  out_.append("null");
  return true;
}

bool SchemaToJson::list(const Schema& element, std::uint64_t count) {
  out_.push_back('[');
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) out_.push_back(',');
    if (!value(element)) return false;
  }
  out_.push_back(']');
  return true;
}

bool SchemaToJson::tuple(const Schema& schema) {
  if (schema.fields.empty()) return zero_byte("[]");
  char before = '[';
  for (const SchemaField& part : schema.fields) {
    out_.push_back(before);
    if (!value(part.schema)) return false;
    before = ',';
  }
  out_.push_back(']');
  return true;
}

bool SchemaToJson::map(const Schema& key, const Schema& mapped) {
  const bool object = key.type == "string";
  std::size_t count = 0;
  if (!in_.read_count(count)) return false;
  out_.push_back(object ? '{' : '[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out_.push_back(',');
    if (!object) out_.push_back('[');
    if (!value(key)) return false;
    out_.push_back(object ? ':' : ',');
    if (!value(mapped)) return false;
    if (!object) out_.push_back(']');
  }
  out_.push_back(object ? '}' : ']');
  return true;
}

bool SchemaToJson::variant(const Schema& schema) {
  std::uint64_t index = 0;
  return in_.read_varint(index) && index < schema.fields.size() && value(schema.fields[index].schema);
}

bool SchemaToJson::enumerator(const Schema& schema, ScalarType type) {
  return with_scalar(type, [&](auto number) {
    if (!read_scalar(in_, number)) return false;
    if constexpr (std::integral<decltype(number)>) {
      const std::string digits = std::to_string(number);
      for (const SchemaField& name : schema.fields) {
        if (name.schema.type != digits) continue;
        encode_json(name.name, out_);
        return true;
      }
    }
    encode_json(number, out_);
    return true;
  });
}

bool SchemaToJson::instant(SchemaType type) {
  return with_scalar(type.scalar, [&](auto ticks) {
    using Ticks = decltype(ticks);
    if (!read_scalar(in_, ticks)) return false;
    std::int64_t num = 0;
    std::int64_t den = 0;
    if (std::is_floating_point_v<Ticks> || !tick_in_microseconds(type, num, den)) {
      encode_json(ticks, out_);
      return true;
    }
    detail::Instant instant;
    if (ticks == std::numeric_limits<Ticks>::min()) {
      instant = {kTimestampMin, 0};
    } else if (ticks == std::numeric_limits<Ticks>::max()) {
      instant = {kTimestampMax, 0};
    } else {
      instant = detail::instant_of(static_cast<std::int64_t>(ticks), num, den);
    }
    out_.push_back('"');
    detail::append_instant(out_, instant);
    out_.push_back('"');
    return true;
  });
}

bool SchemaToJson::ordered() {
  std::string_view bytes;
  if (!in_.read_view(sizeof(std::int64_t), bytes)) return false;
  std::uint64_t bits = 0;
  for (const char byte : bytes) bits = bits << 8 | static_cast<unsigned char>(byte);
  encode_json(static_cast<std::int64_t>(bits ^ std::uint64_t{1} << 63), out_);
  return true;
}

bool SchemaToJson::opaque() {
  opaque_seen_ = true;
  std::string_view bytes;
  if (!in_.read_view(in_.remaining(), bytes)) return false;
  out_.push_back('"');
  detail::append_hexadecimal(out_, bytes);
  out_.push_back('"');
  return true;
}

bool SchemaToJson::recursion(std::uint64_t level) {
  if (level == 0 || level > structs_.size()) return false;
  const auto outer = structs_.end() - static_cast<std::ptrdiff_t>(level);
  const std::vector<const Schema*> between(outer, structs_.end());
  structs_.erase(outer, structs_.end());
  if (!value(*between.front())) return false;
  structs_.insert(structs_.end(), between.begin(), between.end());
  return true;
}

}  // namespace

bool bytes_to_json(const Schema& schema, std::string_view bytes, std::string& out) {
  const std::size_t before = out.size();
  SchemaToJson reader{bytes, out};
  if (reader.value(schema) && reader.at_end()) return true;
  out.resize(before);
  return false;
}

}  // namespace millstream::inline v0
