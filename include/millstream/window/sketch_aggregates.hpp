// Aggregates over sketches: approx_distinct, quantile and quantiles.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/sketch_codec.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class T, class Field>
struct DistinctAggregate {
  static constexpr bool kResultOfNothing = true;
  Field field;
  DistinctSketch create() const { return DistinctSketch{}; }
  void add(DistinctSketch& acc, const T& record) const {
    acc.add(hash_key<FieldType<Field, T>>(std::invoke(field, record)));
  }
  void merge(DistinctSketch& acc, const DistinctSketch& other) const { acc.merge(other); }
  std::uint64_t result(const DistinctSketch& acc) const { return acc.estimate(); }
};

template <class T, class Field>
struct QuantileAggregateBase {
  Field field;
  QuantileSketch create() const { return QuantileSketch{}; }
  void add(QuantileSketch& acc, const T& record) const { acc.add(static_cast<double>(std::invoke(field, record))); }
  void merge(QuantileSketch& acc, const QuantileSketch& other) const { acc.merge(other); }
};

template <class T, class Field>
struct QuantileAggregate : QuantileAggregateBase<T, Field> {
  double q;
  double result(const QuantileSketch& acc) const { return acc.quantile(q); }
};

template <class T, class Field>
struct QuantilesAggregate : QuantileAggregateBase<T, Field> {
  std::vector<double> qs;
  std::vector<double> result(const QuantileSketch& acc) const {
    std::vector<double> values;
    values.reserve(qs.size());
    for (const double q : qs) values.push_back(acc.quantile(q));
    return values;
  }
};

template <class Field>
struct Distinct {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: approx_distinct(field) needs a pointer to a data member of the record, or a function");
    static_assert(HasCodec<FieldType<Field, T>>,
                  "millstream: approx_distinct(field) hashes the field's bytes, so its type needs a codec: describe it "
                  "with BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it");
    return DistinctAggregate<T, Field>{field};
  }
};

/// Q is a double or a std::vector<double>.
template <class Field, class Q>
struct Quantile {
  Field field;
  Q q;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: quantile(field, q) needs a pointer to a data member of the record, or a function of it");
    static_assert(std::is_arithmetic_v<FieldType<Field, T>>, "millstream: quantile(field, q) needs a field of numbers");
    if constexpr (std::is_same_v<Q, double>) {
      return QuantileAggregate<T, Field>{{field}, q};
    } else {
      return QuantilesAggregate<T, Field>{{field}, q};
    }
  }
};

}  // namespace detail

/// About how many different values a field has; exact for some thousands, then with a standard error of 0.8 %.
template <class Field>
[[nodiscard]] detail::Distinct<Field> approx_distinct(Field field) {
  return {std::move(field)};
}

/// The ceil(q * count)-th smallest value of a field, within 0.5 % of that value; q from 0 to 1. NaNs do not count.
template <class Field>
[[nodiscard]] detail::Quantile<Field, double> quantile(Field field, double q) {
  MILLSTREAM_ASSERT(q >= 0 && q <= 1);
  return {std::move(field), q};
}
/// Several quantiles from one sketch, in the order of `qs`.
template <class Field>
[[nodiscard]] detail::Quantile<Field, std::vector<double>> quantiles(Field field, std::vector<double> qs) {
  for (const double q : qs) MILLSTREAM_ASSERT(q >= 0 && q <= 1);
  return {std::move(field), std::move(qs)};
}

}  // namespace millstream::inline v0
