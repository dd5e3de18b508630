// count_distinct: exactly how many different values a field has. Memory grows with them; approx_distinct stays small.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "millstream/window/aggregate.hpp"
#include "millstream/window/distinct_set.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class T, class Field>
struct CountDistinctAggregate {
  using V = FieldType<Field, T>;
  using Acc = DistinctSet<std::conditional_t<std::is_same_v<V, bool>, std::uint8_t, V>>;  // no std::vector<bool>
  static constexpr bool kResultOfNothing = true;
  Field field;
  Acc create() const { return {}; }
  void add(Acc& acc, const T& record) const { acc.insert(std::invoke(field, record)); }
  void merge(Acc& acc, const Acc& other) const { acc.insert_all(other); }
  std::int64_t result(const Acc& acc) const { return static_cast<std::int64_t>(acc.size()); }
};

template <class Field>
struct CountDistinct {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: count_distinct(field) needs a pointer to a data member of the record, or a function");
    static_assert(HasCodec<FieldType<Field, T>> && std::equality_comparable<FieldType<Field, T>>,
                  "millstream: count_distinct(field) keeps the field's values as state, so its type needs a codec "
                  "(describe it with BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it) and operator==");
    return CountDistinctAggregate<T, Field>{field};
  }
};

}  // namespace detail

/// How many different values a field has: SQL's COUNT(DISTINCT field). It keeps each of them. Of float and double the
/// bits count, so NaN is a value like others, and 0.0 another one than -0.0.
template <class Field>
[[nodiscard]] detail::CountDistinct<Field> count_distinct(Field field) {
  return {std::move(field)};
}

}  // namespace millstream::inline v0
