// ReduceAggregate: a reducing function as an aggregate, for reduce() over windows.
#pragma once

#include <optional>
#include <utility>

namespace millstream::inline v0 {

/// F is f(const T& so_far, const T& next) -> T, associative where windows slide or merge.
template <class T, class F>
struct ReduceAggregate {
  F f;
  std::optional<T> create() const { return {}; }
  void add(std::optional<T>& acc, const T& record) const { acc = acc ? f(*acc, record) : record; }
  void merge(std::optional<T>& acc, const std::optional<T>& later) const {
    if (later) add(acc, *later);
  }
  T result(const std::optional<T>& acc) const { return *acc; }
};

}  // namespace millstream::inline v0
