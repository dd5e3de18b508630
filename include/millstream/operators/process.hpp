// process: custom operators, structs with a member process and, as they like, open, on_timer, on_watermark and close.
//
//   struct Dedupe {                                             // first click per id, forgotten after an hour
//     ms::ValueState<bool> seen;
//     void open(ms::OperatorContext& c) { seen = c.value_state<bool>("seen", {.ttl = 1h}); }
//     void process(const Click& click, ms::Collector<Click>& out) { if (!seen.exchange(true)) out.emit(click); }
//   };
//   clicks.key_by(&Click::id).process(Dedupe{})
//
// Members; all but process may be missing, one that is wrong does not compile. `[c]`: with or without a last parameter
// OperatorContext&.
//   void or Status open(OperatorContext&)                 once on each shard, before the first record
//   void process(const In&, Collector<Out>& [c])          for each record, in order
//   void on_timer(const Timer&, Collector<Out>& [c])      keyed operators only: a timer of the key fires
//   void on_watermark(Timestamp, Collector<Out>&)         the merged watermark has risen and the timers due have fired;
//                                                         results get the watermark as event time
//   void close() or close(Collector<Out>&)                once, at the regular end of the input, also after a stop; not
//                                                         after a failure: release things in the destructor
//
// An operator is a prototype that is copied once for each shard (or made there by a function), so its plain members are
// the shard's own; what belongs to a key is in state. Where process or on_timer throws, the stage's policy decides;
// what the call did to state before stays done.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/operators/operator_check.hpp"
#include "millstream/operators/process_stage.hpp"

namespace millstream::inline v0 {

/// A function as an operator: process<Out>(f).
template <class In, class Out, class F>
class FunctionOperator {
  static_assert(std::is_invocable_v<F&, const In&, Collector<Out>&> ||
                    std::is_invocable_v<F&, const In&, Collector<Out>&, OperatorContext&>,
                "millstream: process<Out>(f) needs a function f(const In&, ms::Collector<Out>&) or f(const In&, "
                "ms::Collector<Out>&, ms::OperatorContext&), with the In of the stream");

 public:
  explicit FunctionOperator(F f) : f_{std::move(f)} {}
  void process(const In& record, Collector<Out>& out, OperatorContext& context) {
    if constexpr (std::is_invocable_v<F&, const In&, Collector<Out>&>) {
      std::invoke(f_, record, out);
    } else if constexpr (std::is_invocable_v<F&, const In&, Collector<Out>&, OperatorContext&>) {
      std::invoke(f_, record, out, context);
    }
  }

 private:
  F f_;
};

namespace detail {

/// What keyed and other operators share. A wrong member is left out here; check_operator has refused it.
template <class In, class Op>
class TypedProcessStage : public ProcessStageBase {
 public:
  using Out = OperatorOutput<Op>;
  static constexpr bool kHasOnTimer = requires { &Op::on_timer; };
  OutputBase* output() final { return &output_; }

 protected:
  TypedProcessStage(std::unique_ptr<KeySpaceBase> keys, Op&& op, std::uint32_t fill)
      : ProcessStageBase(std::move(keys), kHasOnTimer), op_(std::move(op)), collector_(output_, fill) {}
  /// From a function, which may make what can neither be copied nor moved.
  template <class Make>
  TypedProcessStage(std::in_place_t, std::unique_ptr<KeySpaceBase> keys, Make&& make, std::uint32_t fill)
      : ProcessStageBase(std::move(keys), kHasOnTimer), op_(std::forward<Make>(make)()), collector_(output_, fill) {}

  const OutputBase& output_base() const final { return output_; }
  Status open_operator() final {
    if constexpr (requires { op_.open(this->operator_context()); }) {
      if constexpr (std::is_void_v<decltype(op_.open(this->operator_context()))>) {
        op_.open(this->operator_context());
      } else {
        return op_.open(this->operator_context());
      }
    }
    return {};
  }
  void call_process(const In& record) {
    Collector<Out>& out = collector_;
    if constexpr (requires { op_.process(record, out); }) {
      op_.process(record, out);
    } else if constexpr (requires { op_.process(record, out, this->operator_context()); }) {
      op_.process(record, out, this->operator_context());
    }
  }
  void call_on_timer(const Timer& timer) {
    Collector<Out>& out = collector_;
    if constexpr (requires { op_.on_timer(timer, out); }) {
      op_.on_timer(timer, out);
    } else if constexpr (requires { op_.on_timer(timer, out, this->operator_context()); }) {
      op_.on_timer(timer, out, this->operator_context());
    }
  }
  void tell_watermark([[maybe_unused]] Timestamp watermark) final {
    [[maybe_unused]] Collector<Out>& out = collector_;
    if constexpr (requires { op_.on_watermark(watermark, out); }) op_.on_watermark(watermark, out);
  }
  void close_operator() final {
    Collector<Out>& out = collector_;
    if constexpr (requires { op_.close(); }) {
      op_.close();
    } else if constexpr (requires { op_.close(out); }) {
      op_.close(out);
    }
  }
  void follow_input(const BatchBase& input) final { collector_.follow(input); }
  void begin_output(std::int64_t ingested_ns, bool timed) final { collector_.begin(ingested_ns, timed); }
  void mark_output(const Watermarks& at) final { collector_.mark(at); }
  void finish_output(Control control) final {
    this->metrics_.records_out.add(collector_.take_emitted());
    collector_.finish(control);
  }
  void set_output_time(Timestamp time) final { collector_.set_time(time); }

  /// body(i) for the records [from, to), with the event time set.
  template <class Body>
  void each_record(Batch<In>& batch, std::uint32_t from, std::uint32_t to, Body&& body) {
    const Timestamp* times = batch.times.present() ? batch.times.data() : nullptr;
    if (times == nullptr) this->set_time(kTimestampMin);
    this->guarded(
        batch, from, to,
        [&](std::uint32_t i) {
          if (times != nullptr) this->set_time(times[i]);
          body(i);
        },
        [&](std::uint32_t i) { return detail::record_text(batch.values()[i]); }, [](std::uint32_t) {});
  }

 private:
  Output<Out> output_;
  Op op_;
  CollectorBuffer<Out> collector_;
};

}  // namespace detail

/// An operator that is not keyed.
template <class In, class Op>
class ProcessStage final : public detail::TypedProcessStage<In, Op> {
  static_assert(check_operator<Op, In, false>());
  using Base = detail::TypedProcessStage<In, Op>;

 public:
  ProcessStage(Op op, std::uint32_t fill) : Base{nullptr, std::move(op), fill} {}
  template <class Make>
  ProcessStage(std::in_place_t tag, Make&& make, std::uint32_t fill)
      : Base{tag, nullptr, std::forward<Make>(make), fill} {}

 private:
  void process_records(BatchBase& base, std::uint32_t from, std::uint32_t to) override {
    auto& batch = static_cast<Batch<In>&>(base);
    this->each_record(batch, from, to, [&](std::uint32_t i) { this->call_process(std::as_const(batch.values()[i])); });
  }
};

/// An operator behind a key_by: batches carry the hashes of their keys. KeyOf is a pointer to a data member or a
/// function of the record.
template <class K, class In, class KeyOf, class Op>
class KeyedProcessStage final : public detail::TypedProcessStage<In, Op> {
  static_assert(check_operator<Op, In, true>());
  using Base = detail::TypedProcessStage<In, Op>;

 public:
  KeyedProcessStage(Op op, KeyOf key_of, std::uint32_t fill)
      : Base{std::make_unique<KeySpace<K>>(), std::move(op), fill}, key_of_{std::move(key_of)} {}
  template <class Make>
  KeyedProcessStage(std::in_place_t tag, Make&& make, KeyOf key_of, std::uint32_t fill)
      : Base{tag, std::make_unique<KeySpace<K>>(), std::forward<Make>(make), fill}, key_of_{std::move(key_of)} {}

 private:
  // The field itself where the key is one; what a function returns is copied.
  static constexpr bool kField = std::is_member_object_pointer_v<KeyOf>;

  [[nodiscard]] KeySpace<K>& keys() noexcept { return static_cast<KeySpace<K>&>(*this->key_space()); }

  void begin_batch(const BatchBase& base) override {
    const auto& batch = static_cast<const Batch<In>&>(base);
    MILLSTREAM_ASSERT(batch.empty() || batch.hashes.present());
    pointers_.clear();
    copies_.clear();
    thrown_.clear();
    if (keys().worth_preparing() || !this->cold().empty()) gather(batch);
    keys().prepare(pointers_, base.hashes.data());
  }
  void gather(const Batch<In>& batch) {
    if constexpr (kField) {
      for (std::uint32_t i = 0; i < batch.size(); ++i) pointers_.push_back(&(batch.values()[i].*key_of_));
    } else {
      for (std::uint32_t i = 0; i < batch.size(); ++i) {
        try {
          copies_.push_back({std::invoke(key_of_, batch.values()[i])});
        } catch (...) {
          // For its record, where the policy of the stage decides.
          copies_.push_back({});
          thrown_.emplace_back(i, std::current_exception());
        }
      }
      for (const KeyCopy& each : copies_) pointers_.push_back(&each.key);
    }
  }
  bool fetch_batch(const BatchBase& base) override {
    const std::uint64_t* hashes = base.hashes.data();
    if (thrown_.empty()) return keys().fetch(pointers_, hashes);
    std::vector<const K*> known;
    std::vector<std::uint64_t> known_hashes;
    for (std::uint32_t i = 0; i < base.size(); ++i) {
      if (exception_of(i)) continue;
      known.push_back(pointers_[i]);
      known_hashes.push_back(hashes[i]);
    }
    return keys().fetch(known, known_hashes.data());
  }
  bool fetch_keys(std::span<const std::string_view> due) override { return keys().fetch(due); }
  /// What the key of a record has thrown, or null.
  [[nodiscard]] std::exception_ptr exception_of(std::uint32_t i) const {
    for (const auto& [place, thrown] : thrown_) {
      if (place == i) return thrown;
    }
    return nullptr;
  }
  void process_records(BatchBase& base, std::uint32_t from, std::uint32_t to) override {
    auto& batch = static_cast<Batch<In>&>(base);
    const std::uint64_t* hashes = batch.hashes.data();
    this->each_record(batch, from, to, [&](std::uint32_t i) {
      const In& record = batch.values()[i];
      if constexpr (kField) {
        keys().enter(record.*key_of_, hashes[i], i);
      } else if (!copies_.empty()) {
        if (!thrown_.empty()) {
          if (const std::exception_ptr thrown = exception_of(i)) std::rethrow_exception(thrown);
        }
        keys().enter(copies_[i].key, hashes[i], i);
      } else {
        key_ = std::invoke(key_of_, record);
        keys().enter(key_, hashes[i], i);
      }
      this->call_process(record);
    });
    keys().leave();
  }
  void fire(const TimerQueue::Due& due, const Timer& timer) override {
    const bool entered = keys().enter(due.key);
    MILLSTREAM_ASSERT(entered);
    // The key is left even if on_timer throws: nothing may work on it behind.
    struct Leave {
      KeySpace<K>& keys;
      ~Leave() { keys.leave(); }
    } leave{keys()};
    this->call_on_timer(timer);
  }

  KeyOf key_of_;
  K key_{};
  struct KeyCopy {
    K key;
  };
  std::vector<KeyCopy> copies_;     // of the batch's keys, where they are worth preparing
  std::vector<const K*> pointers_;  // likewise
  std::vector<std::pair<std::uint32_t, std::exception_ptr>> thrown_;  // for want of a key, by place
};

}  // namespace millstream::inline v0
