// WindowedStream: a keyed stream cut into windows, and how they fire. aggregate() and reduce() say what is computed.
//   .window(ms::sliding(3h, 1h)).allowed_lateness(2h).aggregate(ms::mean(&Flight::delay_minutes))
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/core/make_unique_as.hpp"
#include "millstream/operators/count_window.hpp"
#include "millstream/operators/session_window.hpp"
#include "millstream/operators/slice_window.hpp"
#include "millstream/operators/triggered_window.hpp"
#include "millstream/stream/keyed_stream.hpp"
#include "millstream/window/reduce_aggregate.hpp"
#include "millstream/window/window.hpp"

namespace millstream::inline v0 {

template <class K, class T, class KeyOf, class W>
class WindowedStream {
 public:
  WindowedStream(StreamPlace place, KeyOf key_of, W window)
      : place_{std::move(place)}, key_of_{std::move(key_of)}, window_{std::move(window)} {}

  /// A window takes records while its end plus `lateness` is ahead of the watermark, and fires again for each record
  /// that comes after its end. What comes still later goes to the side output ms::late_records<T>.
  WindowedStream allowed_lateness(std::chrono::nanoseconds lateness) const {
    return with([&](WindowOptions& o) { o.allowed_lateness = std::chrono::duration_cast<Duration>(lateness); });
  }
  /// When windows give out results before or besides their end.
  WindowedStream trigger(Trigger trigger) const {
    return with([&](WindowOptions& o) { o.trigger = std::move(trigger); });
  }
  /// Each result holds everything that the window has had so far: the default.
  WindowedStream accumulating() const {
    return with([](WindowOptions& o) { o.discarding = false; });
  }
  /// Each result holds what came since the one before.
  WindowedStream discarding() const {
    return with([](WindowOptions& o) { o.discarding = true; });
  }
  /// Judges a record by the watermark of the whole stage instead of its own split's, and by the session that it would
  /// be in: keeps late records whose window happens to be open still. Which ones then depends on the speed of the
  /// splits.
  WindowedStream keep_while_open() const {
    return with([](WindowOptions& o) { o.late_by_merged = true; });
  }
  /// When nothing has come in for `silence` of wall-clock time, on any shard, open windows fire as if the watermark had
  /// passed them; records that still come for them are late by the ordinary rules. Global windows, and those by the
  /// wall clock, give out what is new and stay open.
  WindowedStream close_after(std::chrono::nanoseconds silence) const {
    return with([&](WindowOptions& o) { o.close_after = std::chrono::duration_cast<Duration>(silence); });
  }

  /// One result for each key and firing: Stream<WindowResult<K, R>>.
  template <class Agg>
  [[nodiscard]] auto aggregate(Agg agg) const {
    using Bound = BoundAggregate<Agg, T>;
    static_assert(check_aggregate<Bound, T>());
    return add<Bound>(bind_aggregate<T>(agg));
  }
  /// f(so far, record) -> T over the records of a key in a window: Stream<WindowResult<K, T>>.
  template <class F>
  [[nodiscard]] auto reduce(F f) const {
    static_assert(std::is_invocable_r_v<T, const F&, const T&, const T&>,
                  "millstream: reduce(f) needs a function that can be called as f(const Record& so_far, "
                  "const Record& next) and returns a Record");
    return aggregate(ReduceAggregate<T, F>{std::move(f)});
  }

 private:
  template <class Change>
  [[nodiscard]] WindowedStream with(Change&& change) const {
    WindowedStream changed = *this;
    change(changed.options_);
    return changed;
  }

  template <class Bound>
  [[nodiscard]] auto add(Bound agg) const {
    using Out = WindowResult<K, ResultOf<Bound>>;
    StreamPlace place = add_stage<Out>(place_, "window", factory(std::move(agg)));
    Node& node = place.node();
    node.stateful = true;
    node.detail = window_.describe() + options_.describe();
    constexpr bool kHasLateRecords = !std::is_same_v<W, CountWindow> && !std::is_same_v<W, GlobalWindow>;
    if (kHasLateRecords && window_.in_event_time(options_)) {
      node.side_ports = {{late_records<T>.name(), typeid(Late<T>)}};
    }
    if constexpr (std::is_same_v<W, CountWindow> && !MergingAggregate<Bound>) {
      if (!window_.is_tumbling()) {
        node.mistakes.emplace_back(
            "a count window that slides merges partial results: give the aggregate a member "
            "merge(Accumulator&, const Accumulator& later) const");
      }
    }
    if (Status s = window_.validate(options_); !s.ok()) node.mistakes.push_back(s.message());
    if (Status s = options_.validate(); !s.ok()) node.mistakes.push_back(s.message());
    node.needs_event_time = window_.in_event_time(options_);
    if (node.needs_event_time && node.mistakes.empty()) {
      node.boundary_step = Duration{std::gcd(window_.boundary_step().count(), options_.boundary_step().count())};
    }
    return Stream<Out>{std::move(place)};
  }

  template <class Bound>
  [[nodiscard]] auto factory(Bound agg) const {
    using Out = WindowResult<K, ResultOf<Bound>>;
    return [agg = std::move(agg), key_of = key_of_, window = window_,
            options = options_](const StageSetup& setup) -> std::unique_ptr<OperatorStage> {
      const std::uint32_t fill = batch_records<Out>(setup.batch_records_max);
      if constexpr (std::is_same_v<W, TimeWindow>) {
        const bool by_clock = window.is_processing_time();
        if (!by_clock && options.trigger.on_watermark_only() && (MergingAggregate<Bound> || window.is_tumbling())) {
          return make_unique_as<OperatorStage, SliceWindowStage<K, T, Bound, KeyOf>>(
              key_of, agg, *SliceGrid::make(window), options, fill, setup.silence);
        }
        return make_unique_as<OperatorStage, TriggeredWindowStage<K, T, Bound, KeyOf>>(
            key_of, agg, *SliceGrid::make(window), options, fill, by_clock, setup.silence);
      } else if constexpr (std::is_same_v<W, CountWindow>) {
        if constexpr (MergingAggregate<Bound>) {
          if (!window.is_tumbling()) {
            return make_unique_as<OperatorStage, CountWindowStage<K, T, Bound, KeyOf, true>>(key_of, agg, window, fill);
          }
        }
        return make_unique_as<OperatorStage, CountWindowStage<K, T, Bound, KeyOf, false>>(key_of, agg, window, fill);
      } else if constexpr (std::is_same_v<W, GlobalWindow>) {
        return make_unique_as<OperatorStage, TriggeredWindowStage<K, T, Bound, KeyOf>>(
            key_of, agg, std::nullopt, options, fill, false, setup.silence);
      } else {
        return make_unique_as<OperatorStage, SessionWindowStage<K, T, Bound, KeyOf, W>>(key_of, agg, window, options,
                                                                                        fill, setup.silence);
      }
    };
  }

  StreamPlace place_;
  KeyOf key_of_;
  W window_;
  WindowOptions options_;
};

/// What Stream::window_all() groups records by.
struct OfAllKeys {
  template <class T>
  AllKeys operator()(const T&) const noexcept {
    return {};
  }
};

template <class T>
template <class W>
WindowedStream<AllKeys, T, OfAllKeys, W> Stream<T>::window_all(W window) const {
  return key_by(OfAllKeys{}).window(std::move(window));
}

}  // namespace millstream::inline v0
