// How the stream classes add nodes to the graph.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/graph/graph.hpp"

namespace millstream::inline v0 {

/// An output of a node of a graph that is being declared.
struct StreamPlace {
  std::shared_ptr<Graph> graph;
  Upstream at;
  [[nodiscard]] Node& node() const { return graph->node(at.node); }
};

/// What .to() leaves to be said: the name of the sink and what it does with records it cannot write.
class StageName {
 public:
  explicit StageName(StreamPlace place) : place_{std::move(place)} {}
  StageName& named(std::string name) {
    place_.node().name = std::move(name);
    return *this;
  }
  StageName& on_error(OnError policy) {
    place_.node().on_error = policy;
    return *this;
  }

 private:
  StreamPlace place_;
};

/// Adds a stage behind `from`. `make` makes it for one shard; Out is the type of its records, void for a sink.
template <class Out, class Make>
StreamPlace add_stage(const StreamPlace& from, std::string kind, Make make) {
  Node node;
  node.kind = std::move(kind);
  node.inputs = {from.at};
  node.output_type = typeid(Out);
  if constexpr (!std::is_void_v<Out>) node.copyable = std::is_copy_constructible_v<Out>;
  node.make = [make = std::move(make)](const StageSetup& setup) -> std::unique_ptr<OperatorStage> {
    return make(setup);
  };
  const std::uint32_t number = from.graph->add(std::move(node));
  return {from.graph, {number, ""}};
}

/// Adds a custom operator, which may emit to any side output.
template <class Out, class Make>
StreamPlace add_process_stage(const StreamPlace& from, Make make) {
  StreamPlace place = add_stage<Out>(from, "process", std::move(make));
  place.node().any_side_port = true;
  place.node().main_optional = true;
  return place;
}

/// Adds an exchange behind `from`.
template <class T>
StreamPlace add_exchange(const StreamPlace& from, std::string kind, Routing routing) {
  Node node;
  node.kind = std::move(kind);
  node.inputs = {from.at};
  node.output_type = typeid(T);
  node.copyable = std::is_copy_constructible_v<T>;
  node.reorders = true;
  node.make_exchange = [routing](const ExchangeSetup& setup) {
    const std::size_t shards = setup.signals.size();
    std::vector<std::vector<std::shared_ptr<Channel<T>>>> channels(shards);
    ExchangeSides sides;
    for (std::size_t from_shard = 0; from_shard < shards; ++from_shard) {
      for (std::size_t to_shard = 0; to_shard < shards; ++to_shard) {
        channels[from_shard].push_back(
            std::make_shared<Channel<T>>(setup.slots, *setup.signals[from_shard], *setup.signals[to_shard]));
        sides.channels.push_back(channels[from_shard].back());
      }
    }
    for (std::size_t shard = 0; shard < shards; ++shard) {
      sides.outlets.push_back(
          std::make_unique<ExchangeOutlet<T>>(routing, batch_records<T>(setup.batch_records_max), channels[shard]));
      std::vector<std::shared_ptr<ChannelBase>> incoming;
      for (std::size_t from_shard = 0; from_shard < shards; ++from_shard) {
        incoming.push_back(channels[from_shard][shard]);
      }
      sides.inlets.push_back(std::make_unique<ExchangeInlet>(std::make_unique<Output<T>>(), std::move(incoming)));
    }
    return sides;
  };
  const std::uint32_t number = from.graph->add(std::move(node));
  return {from.graph, {number, ""}};
}

}  // namespace millstream::inline v0
