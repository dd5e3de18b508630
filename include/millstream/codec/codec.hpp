// Codec<T>: a value as bytes and back, for keyed state, windows and checkpoints. The bytes are part of the state format
// and frozen. What is described or standard has a codec already; specialise Codec for a type of your own.
//
//   bool                     one byte, 0 or 1
//   integers, float, double  their own width, little-endian, IEEE 754 (-0.0 and the NaNs keep their bits)
//   enum                     as its underlying type
//   duration, time_point     the number of ticks, as its rep
//   string                   varint length, bytes
//   optional                 one byte, 0 or 1, then the value
//   sequence, set, map       varint count, then the elements; a map's as key, value
//   array, pair, tuple       the elements
//   variant                  varint index, then the value
//   described struct         its fields in the order of the description, inherited ones first
//   nothing to write         one zero byte (empty struct, monostate, array<T, 0>), so that every value has a byte
//
// Unordered containers are written in their own order: equal ones may differ in bytes, so they are no keys.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "millstream/codec/bytes.hpp"
#include "millstream/codec/described.hpp"
#include "millstream/codec/type_kind.hpp"

namespace millstream::inline v0 {

/// The codec of T. To give a type of your own one, specialise it with these two functions; both run on the shard's
/// thread. In schemas it is "opaque", or what it says beside them: `static constexpr std::string_view kName`, or
/// `using Layout = U` where its bytes are always those of a U that has a codec.
template <class T>
struct Codec {
  using BuiltIn = void;  ///< marks the library's own codec; a specialisation does not have it

  /// Appends the bytes of `value`. Throws only std::bad_alloc, std::length_error for a value that nests deeper than
  /// kNestingMax, and std::bad_variant_access for a variant without value.
  static void encode(const T& value, ByteWriter& out);
  /// Reads what encode wrote. False, with `value` unspecified, where the bytes are anything else; it never reads beyond
  /// them and never allocates more than they justify.
  [[nodiscard]] static bool decode(ByteReader& in, T& value);
};

namespace detail {

template <class T>
concept UserCodec =
    !requires { typename Codec<T>::BuiltIn; } && requires(const T& value, T& result, ByteWriter& out, ByteReader& in) {
      Codec<T>::encode(value, out);
      { Codec<T>::decode(in, result) } -> std::same_as<bool>;
    };

template <class T, class... Path>
consteval bool has_codec();

template <class List>
struct AllHaveCodec;
template <template <class...> class List, class... T>
struct AllHaveCodec<List<T...>> {
  template <class... Path>
  static consteval bool value() {
    return (has_codec<std::remove_cv_t<T>, Path...>() && ...);
  }
};

// `Path` holds the structs being looked at, which lets a struct contain itself (a tree's children).
template <class T, class... Path>
consteval bool has_codec() {
  if constexpr ((std::same_as<T, Path> || ...) || UserCodec<T>) {
    return true;
  } else if constexpr (!requires { typename Codec<T>::BuiltIn; } || !std::default_initializable<T>) {
    return false;
  } else if constexpr (Described<T>) {
    return Members<T>::all([](auto d) { return has_codec<MemberType<T, decltype(d)>, T, Path...>(); });
  } else if constexpr (Number<T> || std::is_enum_v<T> || std::same_as<T, bool> || std::same_as<T, std::string> ||
                       std::same_as<T, std::monostate>) {
    return true;
  } else if constexpr (kIsDuration<T>) {
    return Number<typename T::rep>;
  } else if constexpr (kIsTimePoint<T>) {
    return Number<typename T::rep>;
  } else if constexpr (kIsTuple<T> || kIsVariant<T>) {
    return AllHaveCodec<T>::template value<Path...>();
  } else if constexpr (MapContainer<T>) {
    return has_codec<typename T::key_type, Path...>() && has_codec<typename T::mapped_type, Path...>();
  } else if constexpr (kIsOptional<T> || kIsArray<T> || SetContainer<T> || SequenceContainer<T>) {
    return has_codec<typename T::value_type, Path...>();
  } else {
    return false;
  }
}

template <class T>
[[nodiscard]] bool decode_one(ByteReader& in, T& value) {
  return Codec<T>::decode(in, value);
}

template <class Variant, std::size_t I = 0>
[[nodiscard]] bool decode_alternative(ByteReader& in, std::uint64_t index, Variant& value) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (index == I) return decode_one(in, value.template emplace<I>());
    return decode_alternative<Variant, I + 1>(in, index, value);
  } else {
    return false;
  }
}

template <class T>
[[nodiscard]] bool decode_container(ByteReader& in, T& value) {
  value.clear();
  if constexpr (BulkSequence<T> && std::endian::native == std::endian::little) {
    std::size_t count = 0;
    if (!in.read_count(count) || count > in.remaining() / sizeof(typename T::value_type)) return false;
    value.resize(count);
    return in.read_bytes(value.data(), count * sizeof(typename T::value_type));
  } else {
    std::size_t count = 0;
    if (!in.read_count(count)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (MapContainer<T>) {
        typename T::key_type key{};
        typename T::mapped_type mapped{};
        if (!decode_one(in, key) || !decode_one(in, mapped)) return false;
        value.emplace_hint(value.end(), std::move(key), std::move(mapped));
      } else {
        typename T::value_type element{};
        if (!decode_one(in, element)) return false;
        if constexpr (SetContainer<T>) {
          value.emplace_hint(value.end(), std::move(element));
        } else {
          value.push_back(std::move(element));
        }
      }
    }
    return value.size() == count;  // less where a key came twice: no encode wrote that
  }
}

template <class T>
void encode_container(const T& value, ByteWriter& out) {
  out.write_varint(value.size());
  if constexpr (BulkSequence<T> && std::endian::native == std::endian::little) {
    out.write_bytes(value.data(), value.size() * sizeof(typename T::value_type));
  } else if constexpr (MapContainer<T>) {
    for (const auto& [key, mapped] : value) {
      Codec<typename T::key_type>::encode(key, out);
      Codec<typename T::mapped_type>::encode(mapped, out);
    }
  } else {
    for (const typename T::value_type& element : value) Codec<typename T::value_type>::encode(element, out);
  }
}

}  // namespace detail

/// Everything that T is made of has a codec, so T may enter keyed state and windows.
template <class T>
concept HasCodec = detail::has_codec<T>();

template <class T>
void Codec<T>::encode(const T& value, ByteWriter& out) {
  static_assert(HasCodec<T>,
                "millstream: this type has no codec; describe it with BOOST_DESCRIBE_STRUCT(Type, (), (fields...)) or "
                "specialise millstream::Codec for it");
  if constexpr (Described<T>) {
    if constexpr (detail::Members<T>::kCount == 0) {
      out.write_fixed(char{0});
    } else {
      out.enter();
      detail::Members<T>::each(
          [&](auto d) { Codec<detail::MemberType<T, decltype(d)>>::encode(value.*decltype(d)::pointer, out); });
      out.leave();
    }
  } else if constexpr (std::same_as<T, bool>) {
    out.write_fixed(value ? char{1} : char{0});
  } else if constexpr (detail::Number<T> || std::is_enum_v<T>) {
    out.write_fixed(value);
  } else if constexpr (std::same_as<T, std::string>) {
    out.write_varint(value.size());
    out.write_bytes(value);
  } else if constexpr (std::same_as<T, std::monostate>) {
    out.write_fixed(char{0});
  } else if constexpr (detail::kIsDuration<T>) {
    out.write_fixed(value.count());
  } else if constexpr (detail::kIsTimePoint<T>) {
    out.write_fixed(value.time_since_epoch().count());
  } else if constexpr (detail::kIsOptional<T>) {
    out.write_fixed(value.has_value() ? char{1} : char{0});
    if (value.has_value()) Codec<typename T::value_type>::encode(*value, out);
  } else if constexpr (detail::kIsTuple<T> || detail::kIsArray<T>) {
    if constexpr (std::tuple_size_v<T> == 0) {
      out.write_fixed(char{0});
    } else if constexpr (detail::kIsArray<T>) {
      for (const auto& element : value) Codec<typename T::value_type>::encode(element, out);
    } else {
      std::apply([&](const auto&... part) { (Codec<std::remove_cvref_t<decltype(part)>>::encode(part, out), ...); },
                 value);
    }
  } else if constexpr (detail::kIsVariant<T>) {
    out.write_varint(value.index());
    std::visit([&](const auto& held) { Codec<std::remove_cvref_t<decltype(held)>>::encode(held, out); }, value);
  } else {
    detail::encode_container(value, out);
  }
}

template <class T>
bool Codec<T>::decode(ByteReader& in, T& value) {
  static_assert(HasCodec<T>, "millstream: this type has no codec; describe it or specialise millstream::Codec for it");
  if constexpr (Described<T>) {
    if constexpr (detail::Members<T>::kCount == 0) {
      char zero = 1;
      return in.read_fixed(zero) && zero == 0;
    } else {
      if (!in.enter()) return false;
      const bool good =
          detail::Members<T>::all([&](auto d) { return detail::decode_one(in, value.*decltype(d)::pointer); });
      in.leave();
      return good;
    }
  } else if constexpr (std::same_as<T, bool>) {
    unsigned char byte = 0;
    if (!in.read_fixed(byte) || byte > 1) return false;
    value = byte == 1;
    return true;
  } else if constexpr (detail::Number<T>) {
    return in.read_fixed(value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    if (!in.read_fixed(number)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::same_as<T, std::string>) {
    std::size_t size = 0;
    std::string_view bytes;
    if (!in.read_count(size) || !in.read_view(size, bytes)) return false;
    value.assign(bytes);
    return true;
  } else if constexpr (std::same_as<T, std::monostate>) {
    char zero = 1;
    return in.read_fixed(zero) && zero == 0;
  } else if constexpr (detail::kIsDuration<T>) {
    typename T::rep ticks{};
    if (!in.read_fixed(ticks)) return false;
    value = T{ticks};
    return true;
  } else if constexpr (detail::kIsTimePoint<T>) {
    typename T::rep ticks{};
    if (!in.read_fixed(ticks)) return false;
    value = T{typename T::duration{ticks}};
    return true;
  } else if constexpr (detail::kIsOptional<T>) {
    unsigned char byte = 0;
    value.reset();
    if (!in.read_fixed(byte) || byte > 1) return false;
    return byte == 0 || detail::decode_one(in, value.emplace());
  } else if constexpr (detail::kIsTuple<T> || detail::kIsArray<T>) {
    if constexpr (std::tuple_size_v<T> == 0) {
      char zero = 1;
      return in.read_fixed(zero) && zero == 0;
    } else if constexpr (detail::kIsArray<T>) {
      return std::all_of(value.begin(), value.end(), [&](auto& element) { return detail::decode_one(in, element); });
    } else {
      return std::apply([&](auto&... part) { return (detail::decode_one(in, part) && ...); }, value);
    }
  } else if constexpr (detail::kIsVariant<T>) {
    std::uint64_t index = 0;
    return in.read_varint(index) && detail::decode_alternative(in, index, value);
  } else {
    return detail::decode_container(in, value);
  }
}

/// Appends the bytes of one value.
template <HasCodec T>
void encode_value(const T& value, std::string& out) {
  ByteWriter writer{out};
  Codec<T>::encode(value, writer);
}

/// Reads one value from exactly these bytes; false where they are anything else.
template <HasCodec T>
[[nodiscard]] bool decode_value(std::string_view bytes, T& value) {
  ByteReader reader{bytes};
  return Codec<T>::decode(reader, value) && reader.remaining() == 0;
}

}  // namespace millstream::inline v0
