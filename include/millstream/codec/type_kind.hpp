// Which of the kinds of type that codecs, schemas, JSON and CSV know a C++ type is. Containers are recognised by what
// they can do, so that no container header is included here and look-alikes (Boost.Container, own ones) work too.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "millstream/codec/described.hpp"

namespace millstream::inline v0::detail {

template <class T>
inline constexpr bool kAlwaysFalse = false;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;

template <class T>
inline constexpr bool kIsTuple = false;
template <class... T>
inline constexpr bool kIsTuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool kIsTuple<std::pair<A, B>> = true;

template <class T>
inline constexpr bool kIsArray = false;
template <class T, std::size_t N>
inline constexpr bool kIsArray<std::array<T, N>> = true;

template <class T>
inline constexpr bool kIsDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsDuration<std::chrono::duration<Rep, Period>> = true;

// A steady clock's instants mean nothing in another process, so they are no values that could be stored.
template <class T>
inline constexpr bool kIsTimePoint = false;
template <class Clock, class D>
inline constexpr bool kIsTimePoint<std::chrono::time_point<Clock, D>> = true;
template <class D>
inline constexpr bool kIsTimePoint<std::chrono::time_point<std::chrono::steady_clock, D>> = false;

template <class T>
inline constexpr bool kIsSystemTime = false;
template <class D>
inline constexpr bool kIsSystemTime<std::chrono::time_point<std::chrono::system_clock, D>> = true;

/// Numbers whose width is the same everywhere (long double's is not).
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, long double> && !std::same_as<T, bool>;

template <class T>
concept MapContainer = !Described<T> && requires(T& c, typename T::key_type k, typename T::mapped_type v) {
  c.clear();
  c.emplace_hint(c.end(), std::move(k), std::move(v));
  { c.size() } -> std::convertible_to<std::size_t>;
};

template <class T>
concept SetContainer = !Described<T> && std::same_as<typename T::key_type, typename T::value_type> &&
                       requires(T& c, typename T::key_type k) {
                         c.clear();
                         c.emplace_hint(c.end(), std::move(k));
                         { c.size() } -> std::convertible_to<std::size_t>;
                       };

template <class T>
concept SequenceContainer = !Described<T> && !std::same_as<T, std::string> && requires(T& c, typename T::value_type v) {
  c.clear();
  c.push_back(std::move(v));
  c.begin() != c.end();
  { c.size() } -> std::convertible_to<std::size_t>;
};

/// Sequences whose elements lie side by side and are their own little-endian encoding.
template <class T>
concept BulkSequence = Number<typename T::value_type> && requires(T& c, std::size_t n) {
  c.resize(n);
  { c.data() } -> std::same_as<typename T::value_type*>;
};

}  // namespace millstream::inline v0::detail
