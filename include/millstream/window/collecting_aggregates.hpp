// Aggregates that keep whole records or fields: top_n, first, last and collect.
#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {
namespace detail {

/// The record itself, as a field.
struct WholeRecord {
  template <class T>
  const T& operator()(const T& record) const noexcept {
    return record;
  }
};

template <class Order, class T>
concept LessOf = std::predicate<const Order&, const T&, const T&>;

/// Order is a field of the record or a less-function of two.
template <class T, class Order>
struct TopAggregate {
  using Acc = std::vector<T>;  // greatest first, at most n
  static constexpr bool kResultOfNothing = true;
  std::size_t n;
  Order order;

  Acc create() const { return {}; }
  void add(Acc& acc, const T& record) const {
    if (acc.size() == n && !less(acc.back(), record)) [[likely]]
      return;
    insert(acc, record);
  }
  void merge(Acc& acc, const Acc& later) const {
    for (const T& record : later) {
      if (acc.size() == n && !less(acc.back(), record)) return;
      insert(acc, record);
    }
  }
  Acc result(const Acc& acc) const { return acc; }

 private:
  bool less(const T& a, const T& b) const {
    if constexpr (LessOf<Order, T>) {
      return std::invoke(order, a, b);
    } else {
      return std::invoke(order, a) < std::invoke(order, b);
    }
  }
  void insert(Acc& acc, const T& record) const {
    // Behind its equals: the one that came first stays first.
    const auto at =
        std::upper_bound(acc.begin(), acc.end(), record, [&](const T& a, const T& b) { return less(b, a); });
    const auto place = at - acc.begin();
    if (acc.size() == n) acc.pop_back();
    acc.insert(acc.begin() + place, record);
  }
};

template <class V>
struct TimedValue {
  std::optional<V> value;
  Timestamp time = kTimestampMin;
  BOOST_DESCRIBE_CLASS(TimedValue, (), (value, time), (), ())
};

template <class T, class Field, bool kLast>
struct EdgeAggregate {
  using V = FieldType<Field, T>;
  using Acc = TimedValue<V>;
  Field field;

  Acc create() const { return {}; }
  void add(Acc& acc, const T& record, Timestamp time) const {
    if (takes(acc, time)) {
      acc.value = std::invoke(field, record);
      acc.time = time;
    }
  }
  void merge(Acc& acc, const Acc& later) const {
    if (later.value && takes(acc, later.time)) acc = later;
  }
  V result(const Acc& acc) const { return acc.value ? *acc.value : V{}; }

 private:
  static bool takes(const Acc& acc, Timestamp time) {
    return !acc.value || (kLast ? time >= acc.time : time < acc.time);
  }
};

template <class T, class Field>
struct CollectAggregate {
  using Acc = std::vector<FieldType<Field, T>>;
  static constexpr bool kResultOfNothing = true;
  Field field;
  Acc create() const { return {}; }
  void add(Acc& acc, const T& record) const { acc.push_back(std::invoke(field, record)); }
  void merge(Acc& acc, const Acc& later) const { acc.insert(acc.end(), later.begin(), later.end()); }
  Acc result(const Acc& acc) const { return acc; }
};

template <class Order>
struct Top {
  std::size_t n;
  Order order;
  template <class T>
  auto bind() const {
    static_assert(LessOf<Order, T> || FieldOf<Order, T>,
                  "millstream: top_n(n, order) needs a pointer to a data member of the record, a function of it, or a "
                  "less-function of two records");
    return TopAggregate<T, Order>{n, order};
  }
};

template <class Field, bool kLast>
struct Edge {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(
        FieldOf<Field, T>,
        "millstream: first(field) and last(field) need a pointer to a data member of the record, or a function");
    return EdgeAggregate<T, Field, kLast>{field};
  }
};

template <class Field>
struct Collect {
  Field field;
  template <class T>
  auto bind() const {
    static_assert(FieldOf<Field, T>,
                  "millstream: collect(field) needs a pointer to a data member of the record, or a function of it");
    return CollectAggregate<T, Field>{field};
  }
};

}  // namespace detail

/// The n greatest records (n at least 1), greatest first. `order` is a field that is compared with <, or a
/// less-function of two records. Of equal ones those that came first; where partial results are merged (sliding
/// windows, sessions) those of the earlier part.
template <class Order>
[[nodiscard]] detail::Top<Order> top_n(std::size_t n, Order order) {
  MILLSTREAM_ASSERT(n > 0);
  return {n, std::move(order)};
}

/// The record with the least event time; of equal times the one that came first.
[[nodiscard]] inline detail::Edge<detail::WholeRecord, false> first() { return {{}}; }
template <class Field>
[[nodiscard]] detail::Edge<Field, false> first(Field field) {
  return {std::move(field)};
}
/// The record with the greatest event time; of equal times the one that came last.
[[nodiscard]] inline detail::Edge<detail::WholeRecord, true> last() { return {{}}; }
template <class Field>
[[nodiscard]] detail::Edge<Field, true> last(Field field) {
  return {std::move(field)};
}

/// Everything, in the order of arrival (merged parts in the order of the parts). Memory grows with the records.
[[nodiscard]] inline detail::Collect<detail::WholeRecord> collect() { return {{}}; }
template <class Field>
[[nodiscard]] detail::Collect<Field> collect(Field field) {
  return {std::move(field)};
}

}  // namespace millstream::inline v0
