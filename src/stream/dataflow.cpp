// Declaring and running a dataflow, as far as no types are concerned.
#include "millstream/stream/dataflow.hpp"

namespace millstream::inline v0 {

Dataflow::Dataflow(std::string name) : graph_{std::make_shared<Graph>(std::move(name))} {}

JobResult run(const Dataflow& flow, const RunOptions& options) { return detail::run_graph(flow.graph(), options); }
JobResult run(const Dataflow& flow) { return run(flow, RunOptions{}); }

Job start(const Dataflow& flow, const RunOptions& options) { return detail::start_graph(flow.graph(), options); }
Job start(const Dataflow& flow) { return start(flow, RunOptions{}); }

}  // namespace millstream::inline v0
