// count, sum, mean, min and max.
#pragma once

#include <boost/describe/class.hpp>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class V>
inline constexpr bool kIsWholeDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsWholeDuration<std::chrono::duration<Rep, Period>> = std::integral<Rep>;

template <class V>
concept Summable = std::is_arithmetic_v<V> || kIsWholeDuration<V>;

/// What values of type V add up to.
template <Summable V>
auto sum_type() {
  if constexpr (std::floating_point<V>) {
    return double{};
  } else if constexpr (kIsWholeDuration<V>) {
    return std::chrono::duration<std::int64_t, typename V::period>{};
  } else if constexpr (std::is_signed_v<V>) {
    return std::int64_t{};
  } else {
    return std::uint64_t{};
  }
}
template <class V>
using SumType = decltype(sum_type<V>());

/// a + b, where integers wrap around: unlike stopping at the ends, that gives one result in any order and grouping.
template <class S>
constexpr S wrapping_sum(S a, S b) noexcept {
  if constexpr (std::floating_point<S>) {
    return a + b;
  } else if constexpr (kIsWholeDuration<S>) {
    return S{wrapping_sum(a.count(), b.count())};
  } else {
    return static_cast<S>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
}

/// False only for NaN.
template <class V>
constexpr bool is_value(const V& v) noexcept {
  if constexpr (std::floating_point<V>) {
    return v == v;
  } else {
    return true;
  }
}

struct CountAggregate {
  using Acc = std::int64_t;
  static constexpr bool kResultOfNothing = true;
  Acc create() const noexcept { return 0; }
  template <class T>
  void add(Acc& acc, const T&) const noexcept {
    ++acc;
  }
  void merge(Acc& acc, const Acc& other) const noexcept { acc += other; }
  std::int64_t result(const Acc& acc) const noexcept { return acc; }
};

template <class T, class Field>
struct SumAggregate {
  using Acc = SumType<FieldType<Field, T>>;
  static constexpr bool kResultOfNothing = true;
  Field field;
  Acc create() const noexcept { return Acc{}; }
  void add(Acc& acc, const T& record) const { acc = wrapping_sum(acc, static_cast<Acc>(std::invoke(field, record))); }
  void merge(Acc& acc, const Acc& other) const noexcept { acc = wrapping_sum(acc, other); }
  Acc result(const Acc& acc) const noexcept { return acc; }
};

struct MeanAcc {
  double sum = 0;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(MeanAcc, (), (sum, count))

template <class T, class Field>
struct MeanAggregate {
  Field field;
  MeanAcc create() const noexcept { return {}; }
  void add(MeanAcc& acc, const T& record) const {
    acc.sum += static_cast<double>(std::invoke(field, record));
    ++acc.count;
  }
  void merge(MeanAcc& acc, const MeanAcc& other) const noexcept {
    acc.sum += other.sum;
    acc.count += other.count;
  }
  double result(const MeanAcc& acc) const noexcept { return acc.sum / static_cast<double>(acc.count); }
};

/// Less is std::less for the minimum, std::greater for the maximum.
template <class T, class Field, class Less>
struct ExtremeAggregate {
  using V = FieldType<Field, T>;
  using Acc = std::optional<V>;
  Field field;
  Acc create() const { return {}; }
  void add(Acc& acc, const T& record) const { take(acc, std::invoke(field, record)); }
  void merge(Acc& acc, const Acc& other) const {
    if (other) take(acc, *other);
  }
  V result(const Acc& acc) const { return acc ? *acc : V{}; }

 private:
  template <class Value>
  static void take(Acc& acc, Value&& value) {
    // A NaN is the result only where there is nothing else.
    if (!acc || (is_value(value) && (!is_value(*acc) || Less{}(value, *acc)))) acc = std::forward<Value>(value);
  }
};

template <class Field>
struct Sum {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: sum(field) needs a pointer to a data member of the record, or a function of it");
    static_assert(Summable<FieldType<Field, T>>,
                  "millstream: sum(field) adds numbers and durations of whole ticks; this field is neither");
    return SumAggregate<T, Field>{field};
  }
};

template <class Field>
struct Mean {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: mean(field) needs a pointer to a data member of the record, or a function of it");
    static_assert(std::is_arithmetic_v<FieldType<Field, T>>,
                  "millstream: mean(field) takes numbers; of a duration take the mean of its count()");
    return MeanAggregate<T, Field>{field};
  }
};

template <class Field, class Less>
struct Extreme {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: min(field) and max(field) need a pointer to a data member of the record, or a function");
    static_assert(std::totally_ordered<FieldType<Field, T>>,
                  "millstream: min(field) and max(field) need a field that can be compared with <");
    return ExtremeAggregate<T, Field, Less>{field};
  }
};

}  // namespace detail

/// Number of records.
[[nodiscard]] inline detail::CountAggregate count() { return {}; }

/// Sum of a field: int64 for signed integers, uint64 for unsigned ones and bool, both wrapping around modulo 2^64 (so
/// that the result never depends on the order); double for floating point, where rounding does depend on it.
template <class Field>
[[nodiscard]] detail::Sum<Field> sum(Field field) {
  return {std::move(field)};
}
/// Mean of a field, from a sum in double.
template <class Field>
[[nodiscard]] detail::Mean<Field> mean(Field field) {
  return {std::move(field)};
}
/// The least value of a field. A NaN is ignored unless there is nothing else.
template <class Field>
[[nodiscard]] detail::Extreme<Field, std::less<>> min(Field field) {
  return {std::move(field)};
}
/// The greatest value of a field. A NaN is ignored unless there is nothing else.
template <class Field>
[[nodiscard]] detail::Extreme<Field, std::greater<>> max(Field field) {
  return {std::move(field)};
}

}  // namespace millstream::inline v0
