// OperatorHarness: a stage or a small pipeline under test, fed by hand and without threads. Records, watermarks and the
// clock go in one by one; what comes out can be looked at after each.
//
//   ms::testing::OperatorHarness<Click, Click> h{[](ms::Stream<Click> s) { return
//   s.key_by(&Click::id).process(Dedupe{}); }}; h.push({"a"}, t0);  h.push({"a"}, t0 + 1s); h.advance_clock(1h);
//   EXPECT_EQ(h.output().size(), 1u);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/stream/stream.hpp"
#include "millstream/testing/harness_engine.hpp"
#include "millstream/testing/harness_stages.hpp"

namespace millstream::inline v0::testing {

/// `pipeline` gets the stream that the harness feeds and returns the one whose records it shows; it must not call
/// event_time, for the harness says the times. All records are pushed with a time or all without. One shard; used on
/// one thread. A graph that is wrong, or a stage that fails, shows in status(); after that nothing more comes out.
template <class In, class Out>
class OperatorHarness {
 public:
  using Pipeline = std::function<Stream<Out>(Stream<In>)>;

  /// The wall clock starts at `now`.
  explicit OperatorHarness(const Pipeline& pipeline, Timestamp now = Timestamp{Duration{0}})
      : engine_{now}, feed_{std::make_shared<Feed<In>>()} {
    Node source;
    source.kind = "source";
    source.is_source = true;
    source.output_type = typeid(In);
    source.copyable = std::is_copy_constructible_v<In>;
    source.list_splits = [](SourceContext&) -> Result<std::vector<Split>> { return std::vector<Split>{{"harness"}}; };
    source.make = [feed = feed_](const StageSetup&) -> std::unique_ptr<OperatorStage> {
      return std::make_unique<FeedStage<In>>(feed);
    };
    auto graph = std::make_shared<Graph>("harness");
    const StreamPlace fed{graph, {graph->add(std::move(source)), ""}};
    StreamPlace timed =
        add_stage<In>(fed, "event_time", [](const StageSetup&) { return std::make_unique<PassStage<In>>(); });
    timed.node().assigns_event_time = true;
    timed.node().watermarks = monotonic();
    graph_ = std::move(graph);
    result_.emplace(pipeline(Stream<In>{timed}));
    attach(*result_, output_);
  }

  /// Records that come out under `tag` from the pipeline's last stage. Ask before the first push.
  template <class T>
  [[nodiscard]] const Recorder<T>& side_output(const OutputTag<T>& tag) {
    MILLSTREAM_ASSERT(!engine_.started());
    auto recorder = std::make_shared<Recorder<T>>();
    attach(result_->side_output(tag), recorder);
    return *recorder;
  }

  void push(In value) { feed({std::move(value), std::nullopt, std::nullopt, Control::kNone}); }
  /// With its event time.
  void push(In value, Timestamp time) { feed({std::move(value), time, std::nullopt, Control::kNone}); }
  /// From here on no record before `t` is expected; one that is before it is late.
  void watermark(Timestamp t) { feed({std::nullopt, std::nullopt, t, Control::kNone}); }
  /// Moves the wall clock, stopping at each instant at which a stage has something to do.
  void advance_clock(std::chrono::nanoseconds by) {
    start();
    engine_.advance(std::chrono::duration_cast<Duration>(by));
  }
  /// The input ends: windows and event-time timers fire, stages are closed. Nothing may be pushed after it.
  void finish() {
    feed({std::nullopt, std::nullopt, kTimestampMax, Control::kEnd});
    engine_.close();
  }
  /// The input ends as after Job::stop(): windows stay open.
  void stop() {
    feed({std::nullopt, std::nullopt, std::nullopt, Control::kEnd});
    engine_.close();
  }

  /// Everything that has come out.
  [[nodiscard]] std::vector<Out> output() const { return output_->values(); }
  /// As output(), and it is forgotten.
  [[nodiscard]] std::vector<Out> take() {
    std::vector<Out> all = output_->values();
    output_->clear();
    return all;
  }
  /// With event times and the watermarks that held before each.
  [[nodiscard]] const Recorder<Out>& recorded() const { return *output_; }
  /// The watermark behind what has come out.
  [[nodiscard]] Timestamp output_watermark() const { return output_->watermark(); }
  /// Why the pipeline could not be built, or failed.
  [[nodiscard]] Status status() const { return engine_.status(); }
  [[nodiscard]] JobMetrics metrics() const { return engine_.metrics(); }
  [[nodiscard]] Timestamp now() const { return engine_.now(); }

 private:
  template <class T>
  void attach(const Stream<T>& stream, std::shared_ptr<Recorder<T>> recorder) {
    StreamPlace place = add_stage<void>(
        stream.place(), "sink", [recorder](const StageSetup&) { return std::make_unique<RecorderStage<T>>(recorder); });
    place.node().is_sink = true;
  }
  void start() {
    if (!engine_.started()) engine_.start(*graph_);
  }
  void feed(typename Feed<In>::Entry entry) {
    start();
    feed_->entries.push_back(std::move(entry));
    engine_.run();
  }

  HarnessEngine engine_;
  std::shared_ptr<Feed<In>> feed_;
  std::shared_ptr<Graph> graph_;
  std::shared_ptr<Recorder<Out>> output_ = std::make_shared<Recorder<Out>>();
  std::optional<Stream<Out>> result_;
};

}  // namespace millstream::inline v0::testing
