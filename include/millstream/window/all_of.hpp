// all_of: several aggregates in one pass over the records.
//   .aggregate(ms::all_of(ms::count(), ms::mean(&Flight::delay)))      // std::tuple<std::int64_t, double>
#pragma once

#include <cstddef>
#include <tuple>
#include <utility>

#include "millstream/window/aggregate.hpp"
#include "millstream/window/filtered.hpp"

namespace millstream::inline v0 {
namespace detail {

/// Parts are bound aggregates.
template <class T, class... Parts>
struct AllOfAggregate {
  static_assert((check_aggregate<Parts, T>() && ...));
  using Acc = std::tuple<AccumulatorOf<Parts>...>;
  static constexpr bool kResultOfNothing = (kHasResultOfNothing<Parts> && ...);
  std::tuple<Parts...> parts;

  Acc create() const {
    return std::apply([](const Parts&... part) { return Acc{part.create()...}; }, parts);
  }
  void add(Acc& acc, const T& record, Timestamp time) const {
    each([&]<std::size_t I>(const auto& part) { add_record(part, std::get<I>(acc), record, time); });
  }
  auto result(const Acc& acc) const {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<ResultOf<Parts>...>{std::get<I>(parts).result(std::get<I>(acc))...};
    }(std::index_sequence_for<Parts...>{});
  }

 protected:
  template <class F>
  [[gnu::always_inline]] void each(F&& f) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<I>(std::get<I>(parts)), ...);
    }(std::index_sequence_for<Parts...>{});
  }
};

/// Where all parts merge.
template <class T, class... Parts>
struct MergingAllOfAggregate : AllOfAggregate<T, Parts...> {
  using Acc = typename AllOfAggregate<T, Parts...>::Acc;
  void merge(Acc& acc, const Acc& later) const {
    this->each([&]<std::size_t I>(const auto& part) { part.merge(std::get<I>(acc), std::get<I>(later)); });
  }
};

template <class... Aggs>
struct AllOf {
  std::tuple<Aggs...> aggregates;
  template <class T>
  auto bind() const {
    return std::apply(
        [](const Aggs&... agg) {
          if constexpr ((MergingAggregate<BoundAggregate<Aggs, T>> && ...)) {
            return MergingAllOfAggregate<T, BoundAggregate<Aggs, T>...>{{{bind_aggregate<T>(agg)...}}};
          } else {
            return AllOfAggregate<T, BoundAggregate<Aggs, T>...>{{bind_aggregate<T>(agg)...}};
          }
        },
        aggregates);
  }
};

}  // namespace detail

/// The results of all `aggregates`, in their order.
template <class... Aggs>
[[nodiscard]] detail::AllOf<Aggs...> all_of(Aggs... aggregates) {
  static_assert(sizeof...(Aggs) > 0, "millstream: all_of needs at least one aggregate");
  return {{std::move(aggregates)...}};
}

}  // namespace millstream::inline v0
