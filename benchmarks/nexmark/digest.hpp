// Digest: what the results of a query come to, whatever their order: how many there are and a sum over their hashes.
// The hash is of all fields, so any described struct has one.
#pragma once

#include <bit>
#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nexmark {

/// Both ways of a 64 by 64 bit product, folded.
constexpr std::uint64_t fold_product(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline void hash_field(std::uint64_t& hash, std::uint64_t bits) {
  hash = fold_product(hash ^ bits, 0x9e3779b97f4a7c15) + 0xbf58476d1ce4e5b9;
}
template <class Number>
  requires(std::is_arithmetic_v<Number>)
void hash_field(std::uint64_t& hash, Number value) {
  if constexpr (std::is_floating_point_v<Number>) {
    hash_field(hash, std::bit_cast<std::uint64_t>(static_cast<double>(value)));
  } else {
    hash_field(hash, static_cast<std::uint64_t>(value));
  }
}
template <class Clock, class Duration>
void hash_field(std::uint64_t& hash, std::chrono::time_point<Clock, Duration> at) {
  hash_field(hash, static_cast<std::uint64_t>(at.time_since_epoch().count()));
}

namespace detail {
/// `Bytes` (at most 8) of them as a number.
template <std::size_t Bytes>
std::uint64_t word_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, Bytes);
  return word;
}
}  // namespace detail

/// Sixteen bytes a product, none of which waits for the one before it: a digest that takes longer than the query would
/// be what is measured. The last sixteen bytes may overlap those before them.
inline std::uint64_t hash_text(std::string_view text) {
  std::uint64_t a = 0xa0761d6478bd642f;
  std::uint64_t b = 0xe7037ed1a0b428db;
  std::uint64_t sum = text.size();
  const auto add = [&](std::uint64_t first, std::uint64_t second) {
    sum += fold_product(first ^ a, second ^ b);
    a += 0x9e3779b97f4a7c15;
    b += 0xbf58476d1ce4e5b9;
  };
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= 16) {
    const char* at = begin;
    for (; end - at > 16; at += 16) add(detail::word_at<8>(at), detail::word_at<8>(at + 8));
    add(detail::word_at<8>(end - 16), detail::word_at<8>(end - 8));
  } else if (text.size() >= 8) {
    add(detail::word_at<8>(begin), detail::word_at<8>(end - 8));
  } else if (text.size() >= 4) {
    add(detail::word_at<4>(begin), detail::word_at<4>(end - 4));
  } else if (!text.empty()) {
    add(detail::word_at<1>(begin) | detail::word_at<1>(begin + text.size() / 2) << 8, detail::word_at<1>(end - 1));
  }
  return sum;
}
inline void hash_field(std::uint64_t& hash, std::string_view text) { hash_field(hash, hash_text(text)); }
template <class Struct>
  requires(boost::describe::has_describe_members<Struct>::value)
void hash_field(std::uint64_t& hash, const Struct& value) {
  boost::mp11::mp_for_each<boost::describe::describe_members<Struct, boost::describe::mod_public>>(
      [&](auto member) { hash_field(hash, value.*member.pointer); });
}

struct Digest {
  std::uint64_t results = 0;
  std::uint64_t sum = 0;

  template <class T>
  void fold(const T& result) {
    std::uint64_t hash = 0;
    hash_field(hash, result);
    ++results;
    sum += hash;
  }
  /// As fold() of a struct of these fields.
  template <class... Fields>
  void fold_fields(const Fields&... fields) {
    std::uint64_t hash = 0;
    (hash_field(hash, fields), ...);
    ++results;
    sum += hash;
  }
  void add(const Digest& more) {
    results += more.results;
    sum += more.sum;
  }
  friend bool operator==(const Digest&, const Digest&) = default;
};

}  // namespace nexmark
