// KeyedStream<K, T, KeyOf>: records grouped by key. Every stage that follows keeps its state for each key, on the shard
// that owns the key; the keys of a batch are hashed once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/core/make_unique_as.hpp"
#include "millstream/operators/aggregate.hpp"
#include "millstream/operators/process.hpp"
#include "millstream/operators/reduce.hpp"
#include "millstream/stream/stream.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::inline v0 {

template <class K, class T, class KeyOf, class W>
class WindowedStream;

template <class K, class T, class KeyOf>
class KeyedStream {
 public:
  using key_type = K;
  using value_type = T;

  /// `keyed`: the key_by stage, `place`: the exchange behind it.
  KeyedStream(StreamPlace keyed, StreamPlace place, KeyOf key_of)
      : keyed_{std::move(keyed)}, place_{std::move(place)}, key_of_{std::move(key_of)} {}

  /// The name of the key_by stage: its id, and what metrics and messages call it.
  KeyedStream& named(std::string name) {
    keyed_.node().name = std::move(name);
    return *this;
  }
  /// States that the input has all records of a key in one partition, as where producers give messages this key. Where
  /// processes share an input (of Kafka: .instances), each with some of its partitions, a key_by is refused without:
  /// a key that is in several partitions would have a wrong result in each process. Nothing checks it. It holds no
  /// longer when the topic is given more partitions: keys move then. A key_by to a ms::PartitionKey says it by itself,
  /// and lets the number of processes change.
  KeyedStream& keyed_by_partition() {
    keyed_.node().keyed_by_partition = true;
    return *this;
  }
  /// What is done with a record that the function of the key throws for.
  KeyedStream& on_error(OnError policy) {
    keyed_.node().on_error = policy;
    return *this;
  }
  /// ms::dead_letters: the records that on_error(OnError::kDeadLetter) took out.
  template <class U>
  [[nodiscard]] Stream<U> side_output(const OutputTag<U>& tag) const {
    return Stream<U>{detail::add_side_output(keyed_, tag.name(), RecordType::of<U>(), &detail::make_output<U>)};
  }

  /// f(so far, record) -> T for each record of a key, beginning with the key's first record; gives out each new value.
  /// An f that chooses one of the two says `-> const T&`, which saves copies.
  template <class F>
  [[nodiscard]] Stream<T> reduce(F f) const {
    static_assert(std::is_invocable_r_v<T, F&, const T&, const T&>,
                  "millstream: reduce(f) needs a function that can be called as f(const Record& so_far, "
                  "const Record& next) and returns a Record");
    static_assert(HasCodec<T>,
                  "millstream: reduce keeps records as state, so their type needs a codec: describe it "
                  "with BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it");
    return keyed_stage<T>("reduce", [f = std::move(f), key_of = key_of_](const StageSetup&) {
      return make_unique_as<OperatorStage, ReduceStage<K, T, F, KeyOf>>(key_of, f);
    });
  }
  /// A running aggregate of each key; gives out the new result for each record.
  template <class Agg>
  [[nodiscard]] auto aggregate(Agg agg) const {
    using Bound = BoundAggregate<Agg, T>;
    static_assert(check_aggregate<Bound, T>());
    using Out = KeyedResult<K, ResultOf<Bound>>;
    return keyed_stage<Out>("aggregate", [agg = bind_aggregate<T>(agg), key_of = key_of_](const StageSetup&) {
      return make_unique_as<OperatorStage, AggregateStage<K, T, Bound, KeyOf>>(key_of, agg);
    });
  }
  /// Cuts the stream into windows: tumbling(), sliding(), session(), count_window() or global_window().
  template <class W>
  [[nodiscard]] WindowedStream<K, T, KeyOf, W> window(W window) const {
    return {place_, key_of_, std::move(window)};
  }
  /// A custom operator with state and timers for each key (see docs/writing_operators.md), copied once a shard.
  template <class Op>
  [[nodiscard]] auto process(Op op) const;
  /// A function f(const Record&, ms::Collector<Out>&[, ms::OperatorContext&]).
  template <class Out, class F>
  [[nodiscard]] Stream<Out> process(F f) const;

  [[nodiscard]] const StreamPlace& place() const noexcept { return place_; }

 private:
  template <class Out, class Make>
  [[nodiscard]] Stream<Out> keyed_stage(const char* kind, Make make) const {
    StreamPlace place = add_stage<Out>(place_, kind, std::move(make));
    place.node().stateful = true;
    return Stream<Out>{std::move(place)};
  }

  StreamPlace keyed_;
  StreamPlace place_;
  KeyOf key_of_;
};

template <class T>
template <class KeyOf>
KeyedStream<KeyType<T, KeyOf>, T, KeyOf> Stream<T>::key_by(KeyOf key_of) const {
  using K = KeyType<T, KeyOf>;
  static_assert(HasCodec<K>,
                "millstream: the key needs a codec, for it enters keyed state: describe it with "
                "BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it");
  static_assert(std::equality_comparable<K>, "millstream: the key needs operator==");
  StreamPlace keyed = add_stage<T>(place_, "key_by", [key_of](const StageSetup& setup) {
    return make_unique_as<OperatorStage, KeyByStage<T, KeyOf>>(key_of, setup.share);
  });
  keyed.node().reorders = true;
  keyed.node().groups_by_key = true;
  keyed.node().groups_by_partition = keyed.node().keyed_by_partition = detail::kIsPartitionKey<K>;
  return {keyed, add_exchange<T>(keyed, "exchange", Routing::kByKey), std::move(key_of)};
}

template <class K, class T, class KeyOf>
template <class Op>
auto KeyedStream<K, T, KeyOf>::process(Op op) const {
  const auto stateful = [](StreamPlace place) {
    place.node().stateful = true;
    return place;
  };
  if constexpr (kMakesOperator<Op>) {
    using Made = std::invoke_result_t<Op&>;
    static_assert(check_operator<Made, T, true>());
    using Out = OperatorOutput<Made>;
    return Stream<Out>{
        stateful(add_process_stage<Made>(place_, [make = std::move(op), key_of = key_of_](const StageSetup& setup) {
          return make_unique_as<OperatorStage, KeyedProcessStage<K, T, KeyOf, Made>>(
              std::in_place, make, key_of, batch_records<Out>(setup.batch_records_max));
        }))};
  } else {
    static_assert(check_operator<Op, T, true>() && check_prototype<Op>());
    using Out = OperatorOutput<Op>;
    return Stream<Out>{
        stateful(add_process_stage<Op>(place_, [op = std::move(op), key_of = key_of_](const StageSetup& setup) {
          return make_unique_as<OperatorStage, KeyedProcessStage<K, T, KeyOf, Op>>(
              op, key_of, batch_records<Out>(setup.batch_records_max));
        }))};
  }
}

template <class K, class T, class KeyOf>
template <class Out, class F>
Stream<Out> KeyedStream<K, T, KeyOf>::process(F f) const {
  return process(FunctionOperator<T, Out, F>{std::move(f)});
}

}  // namespace millstream::inline v0
