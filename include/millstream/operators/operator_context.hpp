// OperatorContext: what the engine tells a custom operator and does for it: the current key and times, state and timers
// of that key, side outputs. An operator gets it in open() and, where it asks, in process and on_timer.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/random.hpp"
#include "millstream/operators/side_buffers.hpp"
#include "millstream/state/state_handles.hpp"
#include "millstream/state/state_store.hpp"
#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {

namespace detail {

template <class V>
concept StateType = HasCodec<V> && std::default_initializable<V> && std::movable<V>;

template <class In, class Agg>
class AggregateAccess;

}  // namespace detail

/// Lives from open() to the end of the stage and stays at its address, so an operator may keep a pointer to it. All
/// members are for the shard's thread, within a call of the operator. Mistakes that only show when the job runs (a
/// state asked for twice, state without a key) fail the job with a message; the handle that is returned then is not
/// used.
class MILLSTREAM_EXPORT OperatorContext {
 public:
  /// The key being worked on, in process and on_timer of a keyed operator. K is the type that key_by gave; any other
  /// type, and any other place, throws std::logic_error.
  template <class K>
  [[nodiscard]] const K& key() const {
    return *static_cast<const K*>(key_as(typeid(K)));
  }
  /// Event time of the record being worked on, or the time of the timer that fires; kTimestampMin where there is none.
  [[nodiscard]] Timestamp timestamp() const noexcept { return place_.time; }
  /// The merged watermark: no earlier record is expected. While timers fire and in on_watermark, the new one.
  [[nodiscard]] Timestamp watermark() const noexcept { return watermark_; }
  /// The wall clock.
  [[nodiscard]] Timestamp processing_time() const { return shard_.clock->now(); }

  /// A record for a side output, with the event time that Collector::emit would give it. Dropped if nobody asked for
  /// the tag: stream.side_output(tag).
  template <class T>
  void emit(const OutputTag<T>& tag, std::type_identity_t<T> value) {
    if (Output<T>* output = sides_.find(tag)) {
      side_buffers_.append(*output, place_, batch_records<T>(shard_.batch_records_max), std::move(value));
    }
  }

  /// State of each key, to be asked for in open(), under a name that is unique in the operator and stays the same as
  /// long as there are savepoints of the job.
  template <class V>
  [[nodiscard]] ValueState<V> value_state(std::string name, StateOptions options = {}) {
    static_assert(detail::StateType<V>,
                  "millstream: value_state<V>: a type in keyed state needs a codec: describe it with "
                  "BOOST_DESCRIBE_STRUCT (and give it a default constructor) or specialise millstream::Codec for it");
    return make_handle<ValueState<V>, V>(std::move(name), options);
  }
  template <class V>
  [[nodiscard]] ListState<V> list_state(std::string name, StateOptions options = {}) {
    static_assert(detail::StateType<V>,
                  "millstream: list_state<V>: a type in keyed state needs a codec: describe it with "
                  "BOOST_DESCRIBE_STRUCT (and give it a default constructor) or specialise millstream::Codec for it");
    return make_handle<ListState<V>, typename ListState<V>::Content>(std::move(name), options);
  }
  template <class MK, class MV>
  [[nodiscard]] MapState<MK, MV> map_state(std::string name, StateOptions options = {}) {
    static_assert(
        detail::StateType<MK> && detail::StateType<MV>,
        "millstream: map_state<MK, MV>: types in keyed state need codecs: describe them with "
        "BOOST_DESCRIBE_STRUCT (and give them default constructors) or specialise millstream::Codec for them");
    static_assert(
        requires(const MK& a, const MK& b) { bool{a < b}; },
        "millstream: map_state<MK, MV>: the keys of the map need operator<");
    return make_handle<MapState<MK, MV>, typename MapState<MK, MV>::Content>(std::move(name), options);
  }
  /// A running aggregate of values of type In, by any aggregate that a window takes.
  template <class In, class Agg>
  [[nodiscard]] auto aggregating_state(std::string name, const Agg& aggregate, StateOptions options = {}) {
    using Bound = BoundAggregate<Agg, In>;
    static_assert(check_aggregate<Bound, In>());
    AggregatingState<In, ResultOf<Bound>> handle;
    if (!may_add_state(name, options)) return handle;
    auto& state = store_->add<std::optional<AccumulatorOf<Bound>>>(std::move(name), options);
    auto access =
        std::make_shared<detail::AggregateAccess<In, Bound>>(state, bind_aggregate<In>(aggregate), place_.time);
    handle = AggregatingState<In, ResultOf<Bound>>{*access};
    aggregates_.push_back(std::move(access));
    return handle;
  }
  /// Timers of the current key; the operator needs a member on_timer.
  [[nodiscard]] Timers timers();

  /// Number of this copy of the operator, from 0 to shards() - 1.
  [[nodiscard]] std::uint32_t shard() const noexcept { return shard_.shard; }
  [[nodiscard]] std::uint32_t shards() const noexcept { return shard_.shards; }
  /// Name of the stage.
  [[nodiscard]] const std::string& stage() const noexcept { return stage_; }
  /// Random numbers from the job's seed, another stream for each stage and shard.
  [[nodiscard]] Random& random() noexcept { return random_; }
  void log(LogLevel level, std::string_view message) const {
    if (shard_.log) shard_.log(level, "stage '" + stage_ + "': " + std::string{message});
  }

  // For the stage.
  /// `keys` is null for an operator that is not keyed.
  OperatorContext(ShardContext& shard, std::string stage, SideOutputs& sides, KeySpaceBase* keys, bool has_on_timer);
  OperatorContext(const OperatorContext&) = delete;
  OperatorContext& operator=(const OperatorContext&) = delete;

 private:
  friend class ProcessStageBase;

  [[nodiscard]] const void* key_as(const std::type_info& type) const;
  /// Or fails the job.
  [[nodiscard]] bool may_add_state(const std::string& name, const StateOptions& options);
  template <class Handle, class Content>
  Handle make_handle(std::string name, StateOptions options) {
    if (!may_add_state(name, options)) return {};
    return Handle{store_->add<Content>(std::move(name), options)};
  }

  ShardContext& shard_;
  std::string stage_;
  SideOutputs& sides_;
  SideBuffers side_buffers_;
  SideBuffers::Place place_;
  Timestamp watermark_ = kTimestampMin;
  std::optional<StateStore> store_;
  std::vector<std::shared_ptr<void>> aggregates_;
  Random random_;
  bool has_on_timer_;
  bool opening_ = true;
};

/// An aggregate over an accumulator in keyed state.
template <class In, class Agg>
class detail::AggregateAccess final : public AggregatingAccess<In, ResultOf<Agg>> {
 public:
  using Content = std::optional<AccumulatorOf<Agg>>;
  AggregateAccess(KeyedState<Content>& state, Agg aggregate, const Timestamp& time)
      : state_{state}, aggregate_{std::move(aggregate)}, time_{time} {}

  void add(const In& value) override {
    Content& accumulator = state_.write();
    if (!accumulator) accumulator.emplace(aggregate_.create());
    add_record(std::as_const(aggregate_), *accumulator, value, time_);
  }
  std::optional<ResultOf<Agg>> result() override {
    const Content* accumulator = state_.find();
    if (accumulator == nullptr || !*accumulator) return std::nullopt;
    return std::as_const(aggregate_).result(**accumulator);
  }
  void erase() override { state_.erase(); }

 private:
  KeyedState<Content>& state_;
  Agg aggregate_;
  const Timestamp& time_;  // of what is being worked on
};

}  // namespace millstream::inline v0
