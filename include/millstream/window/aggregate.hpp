// What an aggregate is: a plain struct that turns many records into one result through an accumulator. The built-in
// ones are in aggregates.hpp; one of your own has these members and needs no base class. All are public and const; a
// merge that cannot be called so does not compile:
//
//   struct Spread {                                               // greatest minus least price
//     struct Acc { double least = 1e300, greatest = -1e300; };    // needs a codec: BOOST_DESCRIBE_STRUCT(...)
//     Acc create() const { return {}; }
//     void add(Acc& acc, const Trade& trade) const { ... }        // or add(acc, trade, ms::Timestamp event_time)
//     void merge(Acc& acc, const Acc& later) const { ... }        // for sliding and session windows
//     double result(const Acc& acc) const { return acc.greatest - acc.least; }
//   };
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/member_check.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class Agg, class T>
concept BindsTo = requires(const Agg& agg) { agg.template bind<T>(); };

template <class Agg>
concept CreatesAccumulator =
    requires(const Agg& agg) { agg.create(); } && !std::is_void_v<decltype(std::declval<const Agg&>().create())>;

/// What create() makes; void where there is no create(), so that checks can go on and say so.
template <class Agg>
struct AccumulatorTrait {
  using Type = void;
};
template <CreatesAccumulator Agg>
struct AccumulatorTrait<Agg> {
  using Type = std::remove_cvref_t<decltype(std::declval<const Agg&>().create())>;
};

template <class Agg, class Acc, class T>
concept AddsWithTime =
    requires(const Agg& agg, Acc& acc, const T& record, Timestamp time) { agg.add(acc, record, time); };
template <class Agg, class Acc, class T>
concept AddsPlainly = requires(const Agg& agg, Acc& acc, const T& record) { agg.add(acc, record); };
template <class Agg, class Acc>
concept Merges = requires(const Agg& agg, Acc& acc, const Acc& other) { agg.merge(acc, other); };
template <class Agg, class Acc>
concept GivesResult = requires(const Agg& agg, const Acc& acc) { agg.result(acc); } &&
                      !std::is_void_v<decltype(std::declval<const Agg&>().result(std::declval<const Acc&>()))>;

/// What field(record) is, for a field that is a pointer to a data member or a function of the record.
template <class Field, class T>
using FieldType = std::remove_cvref_t<std::invoke_result_t<const Field&, const T&>>;
template <class Field, class T>
concept FieldOf =
    std::invocable<const Field&, const T&> && !std::is_void_v<std::invoke_result_t<const Field&, const T&>>;

}  // namespace detail

/// The accumulator of an aggregate: what create() returns.
template <class Agg>
using AccumulatorOf = typename detail::AccumulatorTrait<Agg>::Type;
/// The result of an aggregate: what result(accumulator) returns.
template <class Agg>
using ResultOf =
    std::remove_cvref_t<decltype(std::declval<const Agg&>().result(std::declval<const AccumulatorOf<Agg>&>()))>;

/// The aggregate for records of type T. A built-in one such as sum(field) learns the type of its records only where it
/// is used; one of the user's is what it is.
template <class T, class Agg>
[[nodiscard]] auto bind_aggregate(const Agg& agg) {
  if constexpr (detail::BindsTo<Agg, T>) {
    return agg.template bind<T>();
  } else {
    return agg;
  }
}
template <class Agg, class T>
using BoundAggregate = decltype(bind_aggregate<T>(std::declval<const Agg&>()));

/// Accumulators can be merged: needed by sliding, session and sliding count windows.
template <class Agg>
concept MergingAggregate = detail::Merges<Agg, AccumulatorOf<Agg>>;

/// Fails to compile, in words, where the bound aggregate `Agg` cannot take records of type T. `kMerges`: the window
/// merges accumulators.
template <class Agg, class T, bool kMerges = false>
consteval bool check_aggregate() {
  using Acc = AccumulatorOf<Agg>;
  static_assert(std::is_class_v<Agg>,
                "millstream: an aggregate is a struct with the members create, add and result; see "
                "millstream/window/aggregate.hpp");
  static_assert(!std::is_final_v<Agg>,
                "millstream: an aggregate must not be final: whether it has merge is found out by deriving from it");
  static_assert(!std::is_void_v<Acc>,
                "millstream: an aggregate needs a public member create() const that returns its accumulator");
  if constexpr (detail::Checkable<Agg> && !std::is_void_v<Acc>) {
    static_assert(HasCodec<Acc>,
                  "millstream: an aggregate's accumulator is state and needs a codec: describe it with "
                  "BOOST_DESCRIBE_STRUCT (and give it a default constructor) or specialise millstream::Codec for it");
    static_assert(detail::AddsPlainly<Agg, Acc, T> || detail::AddsWithTime<Agg, Acc, T>,
                  "millstream: an aggregate needs a public member add(Accumulator&, const Record&) const, or one with "
                  "the record's ms::Timestamp as third parameter");
    static_assert(detail::GivesResult<Agg, Acc>,
                  "millstream: an aggregate needs a public member result(const Accumulator&) const that returns what "
                  "the window gives out");
    static_assert(!kMerges || detail::Merges<Agg, Acc>,
                  "millstream: this window merges partial results, so its aggregate needs a public member "
                  "merge(Accumulator&, const Accumulator& later) const");
    static_assert(!detail::merge_member::kNamed<Agg> || detail::Merges<Agg, Acc>,
                  "millstream: an aggregate's member merge is private or has the wrong type, so it would not be used; "
                  "it must be a public void merge(Accumulator&, const Accumulator& later) const");
  }
  return true;
}

/// Adds one record; inlines to the aggregate's own add.
template <class Agg, class Acc, class T>
[[gnu::always_inline]] inline void add_record(const Agg& agg, Acc& acc, const T& record, Timestamp time) {
  if constexpr (detail::AddsWithTime<Agg, Acc, T>) {
    agg.add(acc, record, time);
  } else {
    agg.add(acc, record);
  }
}

}  // namespace millstream::inline v0
