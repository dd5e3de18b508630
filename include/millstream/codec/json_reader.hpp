// JsonReader: the untyped half of JSON decoding, compiled once over the parser library, and the template glue that says
// for each type which of its functions to call. Users want JsonDecoder (codec/decode.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millstream/codec/decode_error.hpp"
#include "millstream/codec/described.hpp"
#include "millstream/codec/text_value.hpp"
#include "millstream/codec/type_kind.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0::detail {

class JsonReader;

struct JsonField {
  std::string_view name;
  bool optional;
  bool (*read)(JsonReader& reader, void* object);
  void (*reset)(void* object);  ///< to nullopt; null where the field is required
};

/// Fields in one struct at most: which of them came is a bit set on the stack.
inline constexpr std::size_t kJsonFieldsMax = 256;

/// Stands at one value of a record. Every read function takes that value or records an error and returns false.
class MILLSTREAM_EXPORT JsonReader {
 public:
  JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;
  ~JsonReader();

  /// Parses one record and hands its value to `read`. `object`: it must be a JSON object (else any value).
  [[nodiscard]] bool decode(std::string_view record, bool object, void* value,
                            bool (*read)(JsonReader& reader, void* value), DecodeError& error);

  [[nodiscard]] bool read_bool(bool& value);
  [[nodiscard]] bool read_signed(std::int64_t min, std::int64_t max, std::int64_t& value);
  [[nodiscard]] bool read_unsigned(std::uint64_t max, std::uint64_t& value);
  [[nodiscard]] bool read_floating(double& value);
  [[nodiscard]] bool read_floating(float& value);
  [[nodiscard]] bool read_string(std::string& value);
  [[nodiscard]] bool read_instant(Instant& value);
  [[nodiscard]] bool read_enum(std::span<const EnumName> names, std::int64_t& value);
  /// Whether the value is null. Never an error.
  [[nodiscard]] bool is_null();
  [[nodiscard]] bool read_object(std::span<const JsonField> fields, void* object);
  [[nodiscard]] bool read_array(void* context, bool (*element)(JsonReader& reader, void* context, std::size_t index));
  /// An array of exactly `count` elements.
  [[nodiscard]] bool read_tuple(std::size_t count, void* context,
                                bool (*element)(JsonReader& reader, void* context, std::size_t index));
  [[nodiscard]] bool read_map(void* context, bool (*entry)(JsonReader& reader, void* context, std::string_view key));
  /// Records an error at the value where the reader stands.
  bool fail(std::string reason);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <class T>
[[nodiscard]] bool read_json(JsonReader& reader, T& value);

template <class T, class D>
struct JsonMember {
  using Type = MemberType<T, D>;
  static bool read(JsonReader& reader, void* object) { return read_json(reader, static_cast<T*>(object)->*D::pointer); }
  static void reset([[maybe_unused]] void* object) {
    if constexpr (kIsOptional<Type>) (static_cast<T*>(object)->*D::pointer).reset();
  }
  static constexpr JsonField kField{D::name, kIsOptional<Type>, &read, kIsOptional<Type> ? &reset : nullptr};
};

template <class T, class List>
struct JsonFields;
template <class T, template <class...> class List, class... D>
struct JsonFields<T, List<D...>> {
  static_assert(sizeof...(D) <= kJsonFieldsMax, "millstream: a struct that is read as JSON has at most 256 fields");
  static constexpr JsonField kFields[sizeof...(D) + 1] = {JsonMember<T, D>::kField..., {}};
  static constexpr std::span<const JsonField> view() { return {kFields, sizeof...(D)}; }
};

template <class Number>
[[nodiscard]] bool read_json_integer(JsonReader& reader, Number& value) {
  using Limits = std::numeric_limits<Number>;
  if constexpr (std::is_signed_v<Number>) {
    std::int64_t wide = 0;
    if (!reader.read_signed(Limits::min(), Limits::max(), wide)) return false;
    value = static_cast<Number>(wide);
  } else {
    std::uint64_t wide = 0;
    if (!reader.read_unsigned(Limits::max(), wide)) return false;
    value = static_cast<Number>(wide);
  }
  return true;
}

template <class Tuple, std::size_t... I>
[[nodiscard]] bool read_json_tuple(JsonReader& reader, Tuple& value, std::index_sequence<I...>) {
  return reader.read_tuple(sizeof...(I), &value, [](JsonReader& r, void* context, std::size_t index) {
    auto& tuple = *static_cast<Tuple*>(context);
    bool good = false;
    static_cast<void>(((index == I && ((good = read_json(r, std::get<I>(tuple))), true)) || ...));
    return good;
  });
}

template <class T>
bool read_json(JsonReader& reader, T& value) {
  if constexpr (Described<T>) {
    using Fields =
        JsonFields<T,
                   boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>>;
    return reader.read_object(Fields::view(), &value);
  } else if constexpr (std::same_as<T, bool>) {
    return reader.read_bool(value);
  } else if constexpr (std::same_as<T, char>) {
    std::string text;
    if (!reader.read_string(text)) return false;
    if (text.size() != 1) return reader.fail("expected a string of one character");
    value = text.front();
    return true;
  } else if constexpr (Number<T> && std::is_integral_v<T>) {
    return read_json_integer(reader, value);
  } else if constexpr (Number<T>) {
    return reader.read_floating(value);
  } else if constexpr (std::same_as<T, std::string>) {
    return reader.read_string(value);
  } else if constexpr (DescribedEnum<T>) {
    std::int64_t number = 0;
    if (!reader.read_enum(enum_names<T>(), number)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    if (!read_json(reader, number)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (kIsSystemTime<T>) {
    static_assert(InstantDuration<typename T::duration>,
                  "millstream: a time point in JSON needs whole ticks that are at least a nanosecond");
    Instant instant;
    if (!reader.read_instant(instant)) return false;
    return from_instant(instant, value) || reader.fail("the instant is out of range for its type");
  } else if constexpr (kIsDuration<T>) {
    typename T::rep ticks{};
    if (!read_json(reader, ticks)) return false;
    value = T{ticks};
    return true;
  } else if constexpr (kIsOptional<T>) {
    if (!reader.is_null()) return read_json(reader, value.emplace());
    value.reset();
    return true;
  } else if constexpr (kIsArray<T>) {
    return reader.read_tuple(std::tuple_size_v<T>, &value, [](JsonReader& r, void* context, std::size_t index) {
      return read_json(r, (*static_cast<T*>(context))[index]);
    });
  } else if constexpr (kIsTuple<T>) {
    return read_json_tuple(reader, value, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (MapContainer<T>) {
    static_assert(std::same_as<typename T::key_type, std::string>,
                  "millstream: a map that is read as JSON has std::string keys");
    value.clear();
    return reader.read_map(&value, [](JsonReader& r, void* context, std::string_view key) {
      auto& map = *static_cast<T*>(context);
      std::string name{key};
      if (map.find(name) != map.end()) return r.fail("the key appears twice");
      typename T::mapped_type mapped{};
      if (!read_json(r, mapped)) return false;
      map.emplace_hint(map.end(), std::move(name), std::move(mapped));
      return true;
    });
  } else if constexpr (SetContainer<T> || SequenceContainer<T>) {
    value.clear();
    return reader.read_array(&value, [](JsonReader& r, void* context, std::size_t) {
      typename T::value_type element{};
      if (!read_json(r, element)) return false;
      auto& container = *static_cast<T*>(context);
      if constexpr (SetContainer<T>) {
        container.emplace_hint(container.end(), std::move(element));
      } else {
        container.push_back(std::move(element));
      }
      return true;
    });
  } else {
    static_assert(kAlwaysFalse<T>,
                  "millstream: to read or write this type as JSON, describe it: BOOST_DESCRIBE_STRUCT(Type, (), "
                  "(fields...)) behind the struct, in its namespace");
    return false;
  }
}

template <class T>
[[nodiscard]] bool read_json_record(JsonReader& reader, void* value) {
  return read_json(reader, *static_cast<T*>(value));
}

}  // namespace millstream::inline v0::detail
