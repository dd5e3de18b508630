// Dataflow: the declared graph of a job, and run() and start(), which run it.
//   ms::Dataflow flow{"card-spend"};
//   flow.from(source).key_by(&Payment::card).window(ms::tumbling(1min)).aggregate(ms::count()).to(sink);
//   return ms::run(flow).exit_code();
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/make_unique_as.hpp"
#include "millstream/operators/source_check.hpp"
#include "millstream/operators/source_stage.hpp"
#include "millstream/runtime/job.hpp"
#include "millstream/stream/stream.hpp"

namespace millstream::inline v0 {

/// Built on one thread. May be run more than once and by several jobs at a time: every job has its own copy of all
/// operators, and one that may restart itself copies what is declared here for that, too.
class MILLSTREAM_EXPORT Dataflow {
 public:
  explicit Dataflow(std::string name);

  /// A source (see io/source.hpp), copied once for each of its splits.
  template <class Src>
  [[nodiscard]] auto from(Src source) {
    static_assert(check_source<Src>());
    using T = SourceRecord<Src>;
    OnError on_bad_record = OnError::kFail;
    if constexpr (requires { source.on_bad_record(); }) on_bad_record = source.on_bad_record();
    ListSplits list_splits;  // empty: a single split
    if constexpr (requires(SourceContext& context) { source.splits(context); }) {
      list_splits = [source](SourceContext& context) -> Result<std::vector<Split>> { return source.splits(context); };
    }
    std::string reads_from;
    if constexpr (requires { std::as_const(source).reads_from(); }) reads_from = std::as_const(source).reads_from();
    std::uint32_t shared_by = 1;
    if constexpr (requires { std::as_const(source).shared_by(); }) shared_by = std::as_const(source).shared_by();
    std::optional<std::uint32_t> shared_as;
    if constexpr (requires { std::as_const(source).shared_as(); }) shared_as = std::as_const(source).shared_as();
    StreamPlace place = detail::add_source(graph_, RecordType::of<T>(), on_bad_record, std::move(list_splits),
                                           [source = std::move(source)](const StageSetup& setup) {
                                             return make_unique_as<OperatorStage, SourceStage<Src, T>>(
                                                 source, setup.source, batch_records<T>(setup.batch_records_max));
                                           });
    place.node().reads_from = std::move(reads_from);
    place.node().shared_by = shared_by;
    place.node().shared_as = shared_as;
    return Stream<T>{std::move(place)};
  }

  [[nodiscard]] const std::string& name() const noexcept { return graph_->name(); }
  /// Success, or all mistakes of the graph; run() and start() check it too. `with_checkpoints`: as for a run with
  /// RunOptions::state_dir, which may not have two sinks whose transactions decide.
  [[nodiscard]] Status check(bool with_checkpoints = false) const { return graph_->check(with_checkpoints); }
  /// The graph as text, one stage a line.
  [[nodiscard]] std::string describe() const { return graph_->describe(); }
  /// The graph as a Graphviz DOT document.
  [[nodiscard]] std::string describe_dot() const { return graph_->describe_dot(); }
  [[nodiscard]] const Graph& graph() const noexcept { return *graph_; }

 private:
  std::shared_ptr<Graph> graph_;
};

/// Runs until the input has ended, the job was stopped, or it failed.
MILLSTREAM_EXPORT JobResult run(const Dataflow& flow, const RunOptions& options);
MILLSTREAM_EXPORT JobResult run(const Dataflow& flow);
/// Starts the job and returns at once. A job that could not be started is in the state kFailed.
[[nodiscard]] MILLSTREAM_EXPORT Job start(const Dataflow& flow, const RunOptions& options);
[[nodiscard]] MILLSTREAM_EXPORT Job start(const Dataflow& flow);

}  // namespace millstream::inline v0
