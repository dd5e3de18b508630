// filtered: an aggregate of those records alone for which a predicate holds, as SQL's FILTER (WHERE ...).
//   .aggregate(ms::all_of(ms::count(), ms::filtered(is_cheap, ms::count_distinct(&Bid::bidder))))
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {
namespace detail {

/// The aggregate says that its result of no record means something, as that of a count does.
template <class Agg>
inline constexpr bool kHasResultOfNothing = false;
template <class Agg>
  requires requires { requires Agg::kResultOfNothing; }
inline constexpr bool kHasResultOfNothing<Agg> = true;

/// Agg is bound.
template <class T, class Predicate, class Agg>
struct FilteredBase {
  static_assert(check_aggregate<Agg, T>());
  Predicate predicate;
  Agg aggregate;

 protected:
  [[nodiscard]] bool takes(const T& record) const { return static_cast<bool>(std::invoke(predicate, record)); }
};

template <class T, class Predicate, class Agg>
struct FilteredAggregate : FilteredBase<T, Predicate, Agg> {
  using Acc = AccumulatorOf<Agg>;
  static constexpr bool kResultOfNothing = true;
  Acc create() const { return this->aggregate.create(); }
  void add(Acc& acc, const T& record, Timestamp time) const {
    if (this->takes(record)) add_record(this->aggregate, acc, record, time);
  }
  auto result(const Acc& acc) const { return this->aggregate.result(acc); }
};

/// The accumulator is there from the first record on.
template <class T, class Predicate, class Agg>
struct FilteredOptional : FilteredBase<T, Predicate, Agg> {
  using Acc = std::optional<AccumulatorOf<Agg>>;
  static constexpr bool kResultOfNothing = true;
  Acc create() const { return {}; }
  void add(Acc& acc, const T& record, Timestamp time) const {
    if (!this->takes(record)) return;
    if (!acc) acc.emplace(this->aggregate.create());
    add_record(this->aggregate, *acc, record, time);
  }
  std::optional<ResultOf<Agg>> result(const Acc& acc) const {
    if (!acc) return std::nullopt;
    return this->aggregate.result(*acc);
  }
};

/// Where the aggregate merges.
template <class T, class Predicate, class Agg>
struct MergingFilteredAggregate : FilteredAggregate<T, Predicate, Agg> {
  using Acc = AccumulatorOf<Agg>;
  void merge(Acc& acc, const Acc& later) const { this->aggregate.merge(acc, later); }
};
template <class T, class Predicate, class Agg>
struct MergingFilteredOptional : FilteredOptional<T, Predicate, Agg> {
  using Acc = std::optional<AccumulatorOf<Agg>>;
  void merge(Acc& acc, const Acc& later) const {
    if (!later) return;
    if (acc) {
      this->aggregate.merge(*acc, *later);
    } else {
      acc = later;
    }
  }
};

template <class Predicate, class Agg>
struct Filtered {
  Predicate predicate;
  Agg aggregate;
  template <class T>
  auto bind() const {
    static_assert(std::is_invocable_r_v<bool, const Predicate&, const T&>,
                  "millstream: filtered(predicate, aggregate) needs a pointer to a bool member of the record, or a "
                  "function that can be called as f(const Record&) when it is const, and returns bool");
    using Bound = BoundAggregate<Agg, T>;
    if constexpr (kHasResultOfNothing<Bound>) {
      if constexpr (MergingAggregate<Bound>) {
        return MergingFilteredAggregate<T, Predicate, Bound>{{{predicate, bind_aggregate<T>(aggregate)}}};
      } else {
        return FilteredAggregate<T, Predicate, Bound>{{predicate, bind_aggregate<T>(aggregate)}};
      }
    } else if constexpr (MergingAggregate<Bound>) {
      return MergingFilteredOptional<T, Predicate, Bound>{{{predicate, bind_aggregate<T>(aggregate)}}};
    } else {
      return FilteredOptional<T, Predicate, Bound>{{predicate, bind_aggregate<T>(aggregate)}};
    }
  }
};

}  // namespace detail

/// The aggregate over the records for which the predicate holds. Its result is a std::optional, empty where it holds
/// for none; of count, sum, count_distinct, approx_distinct, top_n and collect, of an all_of() of these alone, and of
/// an aggregate of yours with `static constexpr bool kResultOfNothing = true` it is what it is without records: 0 or
/// empty.
template <class Predicate, class Agg>
[[nodiscard]] detail::Filtered<Predicate, Agg> filtered(Predicate predicate, Agg aggregate) {
  return {std::move(predicate), std::move(aggregate)};
}

}  // namespace millstream::inline v0
