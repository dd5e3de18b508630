// The hash of a typed key. Integers, enums and instants hash as their 64-bit value, so that a key keeps its hash when
// its field gets wider; strings as their bytes; a PartitionKey as its key, in the group of its partition; everything
// else as the bytes of its codec.
#pragma once

#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/hash.hpp"
#include "millstream/state/partition_key.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class K>
inline constexpr bool kIsInstant = false;
template <class R, class P>
inline constexpr bool kIsInstant<std::chrono::duration<R, P>> = std::integral<R>;
template <class C, class D>
inline constexpr bool kIsInstant<std::chrono::time_point<C, D>> = std::integral<typename D::rep>;

template <class K>
concept IntegerKey = std::integral<K> || std::is_enum_v<K> || kIsInstant<K>;
template <class K>
concept StringKey = std::same_as<K, std::string>;

template <IntegerKey K>
constexpr std::uint64_t key_bits(const K& key) noexcept {
  if constexpr (std::integral<K>) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(key));
  } else if constexpr (std::is_enum_v<K>) {
    return key_bits(static_cast<std::underlying_type_t<K>>(key));
  } else if constexpr (requires { key.time_since_epoch(); }) {
    return key_bits(key.time_since_epoch().count());
  } else {
    return key_bits(key.count());
  }
}

/// How many bytes the library's codec writes for each K, where these are as many for all: integers, instants, and
/// pairs, tuples and structs of such. 0 of any other type.
template <class K>
consteval std::size_t fixed_bytes() {
  if constexpr (std::endian::native != std::endian::little || !requires { typename Codec<K>::BuiltIn; }) {
    return 0;
  } else if constexpr (IntegerKey<K>) {
    return sizeof(K);
  } else if constexpr (kIsTuple<K>) {
    return []<std::size_t... I>(std::index_sequence<I...>) -> std::size_t {
      if (((fixed_bytes<std::tuple_element_t<I, K>>() == 0) || ...)) return 0;
      return (fixed_bytes<std::tuple_element_t<I, K>>() + ... + 0);
    }(std::make_index_sequence<std::tuple_size_v<K>>{});
  } else if constexpr (Described<K>) {
    std::size_t sum = 0;
    const bool fixed = Members<K>::all([&](auto d) {
      const std::size_t bytes = fixed_bytes<MemberType<K, decltype(d)>>();
      sum += bytes;
      return bytes > 0;
    });
    if (!fixed) return 0;
    return sum == 0 ? 1 : sum;  // a struct without members is a zero byte
  } else {
    return 0;
  }
}

/// Writes them; returns where the next may stand.
template <class K>
char* put_fixed(const K& key, char* at) noexcept {
  if constexpr (IntegerKey<K>) {
    std::memcpy(at, &key, sizeof key);
    return at + sizeof key;
  } else if constexpr (kIsTuple<K>) {
    std::apply([&](const auto&... part) { ((at = put_fixed(part, at)), ...); }, key);
    return at;
  } else if constexpr (Members<K>::kCount == 0) {
    *at = 0;
    return at + 1;
  } else {
    Members<K>::each([&](auto d) { at = put_fixed(key.*decltype(d)::pointer, at); });
    return at;
  }
}

}  // namespace detail

/// The hash of one key.
template <class K>
[[nodiscard]] std::uint64_t hash_key(const K& key) {
  if constexpr (detail::IntegerKey<K>) {
    const std::uint64_t bits = detail::key_bits(key);
    return hash_bytes(&bits, sizeof bits);
  } else if constexpr (detail::StringKey<K>) {
    return hash_bytes(key.data(), key.size());
  } else if constexpr (detail::kIsPartitionKey<K>) {
    return with_key_group(hash_key(key.key), group_of_partition(static_cast<std::uint32_t>(key.partition)));
  } else if constexpr (detail::fixed_bytes<K>() > 0) {
    char bytes[detail::fixed_bytes<K>()];
    detail::put_fixed(key, bytes);
    return hash_bytes(bytes, sizeof bytes);
  } else {
    // One buffer a thread: a key longer than a small string must not cost an allocation a record.
    thread_local std::string bytes;
    bytes.clear();
    {
      ByteWriter out{bytes};
      Codec<K>::encode(key, out);
    }
    return hash_bytes(bytes.data(), bytes.size());
  }
}

/// Hashes of `count` keys that lie `stride` bytes apart.
template <class K>
void hash_keys(const K* first, std::size_t stride, std::size_t count, std::uint64_t* hashes) {
  if constexpr (detail::IntegerKey<K> && sizeof(K) == 8) {
    hash_column_u64(first, stride, count, hashes);
  } else {
    const auto* at = reinterpret_cast<const char*>(first);
    for (std::size_t i = 0; i < count; ++i, at += stride) hashes[i] = hash_key(*reinterpret_cast<const K*>(at));
  }
}

}  // namespace millstream::inline v0
