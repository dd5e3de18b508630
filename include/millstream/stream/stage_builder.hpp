// How the stream classes add nodes to the graph.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "millstream/core/make_unique_as.hpp"
#include "millstream/graph/graph.hpp"
#include "millstream/operators/operator_check.hpp"
#include "millstream/window/window.hpp"

namespace millstream::inline v0 {

/// An output of a node of a graph that is being declared.
struct MILLSTREAM_EXPORT StreamPlace {
  // Compiled once in the library: every program that declares a dataflow passes places on.
  StreamPlace(std::shared_ptr<Graph> of, Upstream place);
  StreamPlace(const StreamPlace&);
  StreamPlace(StreamPlace&&) noexcept;
  StreamPlace& operator=(const StreamPlace&);
  StreamPlace& operator=(StreamPlace&&) noexcept;
  ~StreamPlace();

  std::shared_ptr<Graph> graph;
  Upstream at;
  [[nodiscard]] Node& node() const { return graph->node(at.node); }
};

template <class T>
class Stream;

/// What .to() leaves to be said: the name of the sink and what it does with records it cannot write.
class MILLSTREAM_EXPORT StageName {
 public:
  explicit StageName(StreamPlace place) : place_{std::move(place)} {}
  StageName& named(std::string name);
  StageName& on_error(OnError policy);
  /// ms::dead_letters: the records that the sink threw for, under OnError::kDeadLetter.
  template <class U>
  [[nodiscard]] Stream<U> side_output(const OutputTag<U>& tag) const;

 private:
  StreamPlace place_;
};

/// The type of a stage's records, as far as the graph must know it.
struct RecordType {
  std::type_index type;
  bool copyable;
  template <class T>
  static RecordType of() {
    if constexpr (std::is_void_v<T>) {
      return {typeid(void), true};
    } else {
      return {typeid(T), std::is_copy_constructible_v<T>};
    }
  }
};

using MakeStage = std::function<std::unique_ptr<OperatorStage>(const StageSetup&)>;
using ListSplits = std::function<Result<std::vector<Split>>(SourceContext&)>;

/// How the typed parts of an exchange are made.
struct ExchangeParts {
  std::unique_ptr<Stage> (*make_outlet)(Routing routing, std::uint32_t records_max,
                                        const std::vector<std::shared_ptr<Channel>>& channels);
  std::unique_ptr<OutputBase> (*make_output)();
  bool owns_heap;  ///< records own memory beside their values
};

namespace detail {
/// A branch of split as the graph must know it.
struct BranchName {
  std::string name;
  bool has_predicate;
};

MILLSTREAM_EXPORT StreamPlace add_source(const std::shared_ptr<Graph>& graph, RecordType type, OnError on_bad_record,
                                         ListSplits list_splits, MakeStage make);
MILLSTREAM_EXPORT StreamPlace add_stage(const StreamPlace& from, const char* kind, RecordType type, MakeStage make);
MILLSTREAM_EXPORT StreamPlace add_exchange(const StreamPlace& from, const char* kind, RecordType type, Routing routing,
                                           ExchangeParts parts);
/// A further input of the stage at `to`; a mistake of the graph where it belongs to another dataflow.
MILLSTREAM_EXPORT void add_input(const StreamPlace& to, const StreamPlace& from);
/// Says that the stage at `of` gives out these branches.
MILLSTREAM_EXPORT void add_branches(const StreamPlace& of, std::type_index type, const std::vector<BranchName>& names);
/// Asks for a side output.
MILLSTREAM_EXPORT StreamPlace add_side_output(const StreamPlace& of, const std::string& name, RecordType type,
                                              std::unique_ptr<OutputBase> (*make_output)());

template <class T>
std::unique_ptr<OutputBase> make_output() {
  return make_unique_as<OutputBase, Output<T>>();
}
}  // namespace detail

/// Adds a stage behind `from`. `make` makes it for one shard; Out is the type of its records, void for a sink.
template <class Out, class Make>
StreamPlace add_stage(const StreamPlace& from, const char* kind, Make make) {
  return detail::add_stage(from, kind, RecordType::of<Out>(), MakeStage{std::move(make)});
}

/// Adds a custom operator, which may emit to any side output.
template <class Op, class Make>
StreamPlace add_process_stage(const StreamPlace& from, Make make) {
  StreamPlace place = add_stage<OperatorOutput<Op>>(from, "process", std::move(make));
  place.node().any_side_port = true;
  place.node().main_optional = true;
  // Its timers may stand at any time, and it may look at every step of the watermark.
  if constexpr (requires { &Op::on_timer; } || requires { &Op::on_watermark; }) {
    place.node().boundary_step = kFinestStep;
  }
  return place;
}

/// Adds an exchange behind `from`.
template <class T>
StreamPlace add_exchange(const StreamPlace& from, const char* kind, Routing routing) {
  return detail::add_exchange(
      from, kind, RecordType::of<T>(), routing,
      {[](Routing how, std::uint32_t records_max, const std::vector<std::shared_ptr<Channel>>& channels) {
         return make_unique_as<Stage, ExchangeOutlet<T>>(how, batch_records<T>(records_max), channels);
       },
       &detail::make_output<T>, kOwnsHeap<T>});
}

}  // namespace millstream::inline v0
