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
inline void hash_field(std::uint64_t& hash, const std::string& text) {
  hash_field(hash, static_cast<std::uint64_t>(text.size()));
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, text.size() - at < 8 ? text.size() - at : 8);
    hash_field(hash, eight);
  }
}
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
