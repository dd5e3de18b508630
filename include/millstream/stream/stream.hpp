// Stream<T>: records of type T on their way through a dataflow that is being declared. A small value: copying it means
// that two stages take the same records. Nothing runs before run() or start().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/make_unique_as.hpp"
#include "millstream/graph/graph.hpp"
#include "millstream/operators/event_time.hpp"
#include "millstream/operators/filter.hpp"
#include "millstream/operators/flat_map.hpp"
#include "millstream/operators/key_by.hpp"
#include "millstream/operators/map.hpp"
#include "millstream/operators/merge.hpp"
#include "millstream/operators/peek.hpp"
#include "millstream/operators/process.hpp"
#include "millstream/operators/sink_check.hpp"
#include "millstream/operators/sink_stage.hpp"
#include "millstream/operators/split.hpp"
#include "millstream/stream/stage_builder.hpp"

namespace millstream::inline v0 {

template <class T>
class SplitStream;
template <class K, class T, class KeyOf>
class KeyedStream;
template <class K, class T, class KeyOf, class W>
class WindowedStream;
struct AllKeys;
struct OfAllKeys;

template <class T>
class Stream {
 public:
  using value_type = T;

  explicit Stream(StreamPlace place) : place_{std::move(place)} {}

  /// Names the stage that these records come from: for state, metrics and logs. Unique in the dataflow.
  Stream& named(std::string name) {
    place_.node().name = std::move(name);
    return *this;
  }
  /// What the stage that these records come from does when the user's function throws.
  Stream& on_error(OnError policy) {
    place_.node().on_error = policy;
    return *this;
  }

  /// f(record) for each record; f is copied once for each shard.
  template <class F>
  [[nodiscard]] auto map(F f) const {
    static_assert(std::is_invocable_v<F&, const T&> || std::is_invocable_v<F&, T&&>,
                  "millstream: map(f) needs a function that can be called as f(const Record&)");
    using Out = std::remove_cvref_t<decltype(detail::apply(std::declval<F&>(), std::declval<T&>(), false))>;
    static_assert(!std::is_void_v<Out>, "millstream: the function of map must return a value; to only look use peek");
    return Stream<Out>{add_stage<Out>(place_, "map", [f = std::move(f)](const StageSetup&) {
      return make_unique_as<OperatorStage, MapStage<T, Out, F>>(f);
    })};
  }
  /// The records for which the predicate holds.
  template <class F>
  [[nodiscard]] Stream filter(F predicate) const {
    static_assert(std::is_invocable_r_v<bool, F&, const T&>,
                  "millstream: filter(f) needs a function that can be called as f(const Record&) and returns bool");
    return Stream{add_stage<T>(place_, "filter", [f = std::move(predicate)](const StageSetup&) {
      return make_unique_as<OperatorStage, FilterStage<T, F>>(f);
    })};
  }
  /// f(record, collector): any number of results for each record.
  template <class Out, class F>
  [[nodiscard]] Stream<Out> flat_map(F f) const {
    static_assert(std::is_invocable_v<F&, const T&, Collector<Out>&>,
                  "millstream: flat_map<Out>(f) needs a function that can be called as "
                  "f(const Record&, ms::Collector<Out>&)");
    return Stream<Out>{add_stage<Out>(place_, "flat_map", [f = std::move(f)](const StageSetup& setup) {
      return make_unique_as<OperatorStage, FlatMapStage<T, Out, F>>(f, batch_records<Out>(setup.batch_records_max));
    })};
  }
  /// Looks at each record; for logging and counting, not for sinks.
  template <class F>
  [[nodiscard]] Stream peek(F f) const {
    static_assert(std::is_invocable_v<F&, const T&>,
                  "millstream: peek(f) needs a function that can be called as f(const Record&)");
    return Stream{add_stage<T>(place_, "peek", [f = std::move(f)](const StageSetup&) {
      return make_unique_as<OperatorStage, PeekStage<T, F>>(f);
    })};
  }
  /// The records of this and the other streams as one. All must belong to the same dataflow.
  template <class... Others>
  [[nodiscard]] Stream merge(const Others&... others) const {
    static_assert((std::is_same_v<Others, Stream> && ...), "millstream: merge takes streams of the same record type");
    StreamPlace place = add_stage<T>(place_, "merge", [n = sizeof...(others) + 1](const StageSetup&) {
      return make_unique_as<OperatorStage, MergeStage<T>>(static_cast<std::uint32_t>(n));
    });
    (detail::add_input(place, others.place()), ...);
    place.node().reorders = true;
    return Stream{std::move(place)};
  }
  /// Each record to the first branch whose predicate holds; what fits none is in rest(). Every branch must be taken.
  [[nodiscard]] SplitStream<T> split(std::vector<Branch<T>> branches) const;

  /// The records that the stage gives out under this tag.
  template <class U>
  [[nodiscard]] Stream<U> side_output(const OutputTag<U>& tag) const {
    return Stream<U>{detail::add_side_output(place_, tag.name(), RecordType::of<U>(), &detail::make_output<U>)};
  }

  /// Gives each record its event time, from a Timestamp member or a function of the record, and the stream its
  /// watermarks. Stands before the first key_by, rebalance, broadcast, merge or side output, and once behind a source.
  template <class TimeOf>
  [[nodiscard]] Stream event_time(TimeOf time_of, WatermarkStrategy strategy) const {
    if constexpr (!std::is_same_v<TimeOf, SourceTime>) {
      static_assert(std::is_invocable_v<TimeOf&, const T&>,
                    "millstream: event_time(f, strategy) needs a pointer to a member or a function of const Record&");
      static_assert(
          requires(TimeOf& f, const T& record) { to_timestamp(std::invoke(f, record)); },
          "millstream: the event time must be a std::chrono::sys_time such as ms::Timestamp");
    }
    StreamPlace place = add_stage<T>(place_, "event_time", [f = std::move(time_of), strategy](const StageSetup& setup) {
      std::vector<std::uint32_t> splits;
      for (const SourceSetup::Share& share : setup.source.splits) splits.push_back(share.number);
      return make_unique_as<OperatorStage, EventTimeStage<T, TimeOf>>(
          f, SplitMarker{setup.source.progress, std::move(splits), strategy, setup.watermark_step});
    });
    Node& node = place.node();
    node.assigns_event_time = true;
    if (Status s = strategy.validate(); !s.ok()) node.mistakes.push_back(s.message());
    node.detail = strategy.description();
    node.watermarks = std::move(strategy);
    return Stream{std::move(place)};
  }
  /// The event times are those that the source gives its records.
  [[nodiscard]] Stream event_time(WatermarkStrategy strategy) const {
    return event_time(SourceTime{}, std::move(strategy));
  }

  /// Groups records by a member or a function of the record: what follows keeps state for each key, and all records of
  /// a key meet on one shard, in their order.
  template <class KeyOf>
  [[nodiscard]] KeyedStream<KeyType<T, KeyOf>, T, KeyOf> key_by(KeyOf key_of) const;
  /// Cuts the stream into windows over the records of all keys together: Stream<WindowResult<AllKeys, R>>. All of them
  /// meet on one shard, so first make them few: by a filter, or by windows of each key that these take the results of.
  template <class W>
  [[nodiscard]] WindowedStream<AllKeys, T, OfAllKeys, W> window_all(W window) const;
  /// Spreads batches over all shards in turn. Gives up the order of a split's records.
  [[nodiscard]] Stream rebalance() const { return Stream{add_exchange<T>(place_, "rebalance", Routing::kRoundRobin)}; }
  /// Every record to every shard.
  [[nodiscard]] Stream broadcast() const {
    static_assert(std::is_copy_constructible_v<T>, "millstream: broadcast needs records that can be copied");
    return Stream{add_exchange<T>(place_, "broadcast", Routing::kToAll)};
  }

  /// A custom operator without keys (see docs/writing_operators.md), copied once for each shard.
  template <class Op>
  [[nodiscard]] auto process(Op op) const;
  /// A function f(const Record&, ms::Collector<Out>&[, ms::OperatorContext&]).
  template <class Out, class F>
  [[nodiscard]] Stream<Out> process(F f) const;

  /// Ends the stream in a sink (see io/sink.hpp), copied once for each shard.
  template <class Snk>
  StageName to(Snk sink) const {
    if constexpr (requires { sink.template for_records<T>(); }) {
      return to(sink.template for_records<T>());
    } else {
      static_assert(check_sink<Snk, T>());
      StreamPlace place = add_stage<void>(place_, "sink", [sink](const StageSetup& setup) {
        return make_unique_as<OperatorStage, SinkStage<T, Snk>>(sink, setup.decider);
      });
      if constexpr (requires { std::as_const(sink).make_decider(); }) {
        if (const std::shared_ptr<Decider> decider = std::as_const(sink).make_decider()) {
          place.node().declared_decider = decider;
          place.node().make_decider = [sink] { return sink.make_decider(); };
        }
      }
      place.node().is_sink = true;
      return StageName{std::move(place)};
    }
  }

  [[nodiscard]] const StreamPlace& place() const noexcept { return place_; }

 private:
  StreamPlace place_;
};

/// The branches of split().
template <class T>
class SplitStream {
 public:
  explicit SplitStream(Stream<T> rest) : rest_{std::move(rest)} {}
  /// The records of the branch of that name.
  [[nodiscard]] Stream<T> branch(const std::string& name) const { return rest_.side_output(OutputTag<T>{name}); }
  /// The records that fitted no branch; may be left unused.
  [[nodiscard]] Stream<T> rest() const { return rest_; }

 private:
  Stream<T> rest_;
};

template <class U>
Stream<U> StageName::side_output(const OutputTag<U>& tag) const {
  return Stream<U>{detail::add_side_output(place_, tag.name(), RecordType::of<U>(), &detail::make_output<U>)};
}

template <class T>
SplitStream<T> Stream<T>::split(std::vector<Branch<T>> branches) const {
  std::vector<detail::BranchName> names;
  for (const Branch<T>& branch : branches) names.push_back({branch.name, static_cast<bool>(branch.predicate)});
  StreamPlace place = add_stage<T>(place_, "split", [branches = std::move(branches)](const StageSetup&) {
    return make_unique_as<OperatorStage, SplitStage<T>>(branches);
  });
  detail::add_branches(place, typeid(T), names);
  return SplitStream<T>{Stream<T>{std::move(place)}};
}

template <class T>
template <class Op>
auto Stream<T>::process(Op op) const {
  if constexpr (kMakesOperator<Op>) {
    using Made = std::invoke_result_t<Op&>;
    static_assert(check_operator<Made, T, false>());
    using Out = OperatorOutput<Made>;
    return Stream<Out>{add_process_stage<Made>(place_, [make = std::move(op)](const StageSetup& setup) {
      return make_unique_as<OperatorStage, ProcessStage<T, Made>>(std::in_place, make,
                                                                  batch_records<Out>(setup.batch_records_max));
    })};
  } else {
    static_assert(check_operator<Op, T, false>() && check_prototype<Op>());
    using Out = OperatorOutput<Op>;
    return Stream<Out>{add_process_stage<Op>(place_, [op = std::move(op)](const StageSetup& setup) {
      return make_unique_as<OperatorStage, ProcessStage<T, Op>>(op, batch_records<Out>(setup.batch_records_max));
    })};
  }
}

template <class T>
template <class Out, class F>
Stream<Out> Stream<T>::process(F f) const {
  return process(FunctionOperator<T, Out, F>{std::move(f)});
}

}  // namespace millstream::inline v0
