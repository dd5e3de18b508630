// The untyped part of declaring stages, compiled once.
#include "millstream/stream/stage_builder.hpp"

namespace millstream::inline v0 {

StageName& StageName::named(std::string name) {
  place_.node().name = std::move(name);
  return *this;
}

StageName& StageName::on_error(OnError policy) {
  place_.node().on_error = policy;
  return *this;
}

namespace detail {
namespace {

Node node_behind(const StreamPlace& from, std::string kind, RecordType type) {
  Node node;
  node.kind = std::move(kind);
  node.inputs = {from.at};
  node.output_type = type.type;
  node.copyable = type.copyable;
  return node;
}

ExchangeSides make_sides(const ExchangeSetup& setup, Routing routing, const ExchangeParts& parts) {
  const std::size_t shards = setup.signals.size();
  std::vector<std::vector<std::shared_ptr<ChannelBase>>> outgoing(shards);
  std::vector<std::vector<std::shared_ptr<ChannelBase>>> incoming(shards);
  ExchangeSides sides;
  for (std::size_t from = 0; from < shards; ++from) {
    for (std::size_t to = 0; to < shards; ++to) {
      std::shared_ptr<ChannelBase> channel = parts.make_channel(setup.slots, *setup.signals[from], *setup.signals[to]);
      outgoing[from].push_back(channel);
      incoming[to].push_back(channel);
      sides.channels.push_back(std::move(channel));
    }
  }
  if (parts.owns_heap) sides.heap_bytes_max = sides.channels.size() * kExchangeHeapBytes;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    sides.outlets.push_back(parts.make_outlet(routing, setup.batch_records_max, outgoing[shard]));
    sides.inlets.push_back(std::make_unique<ExchangeInlet>(parts.make_output(), std::move(incoming[shard])));
  }
  return sides;
}

}  // namespace

StreamPlace add_stage(const StreamPlace& from, std::string kind, RecordType type, MakeStage make) {
  Node node = node_behind(from, std::move(kind), type);
  node.make = std::move(make);
  return {from.graph, {from.graph->add(std::move(node)), ""}};
}

StreamPlace add_exchange(const StreamPlace& from, std::string kind, RecordType type, Routing routing,
                         ExchangeParts parts) {
  Node node = node_behind(from, std::move(kind), type);
  node.reorders = true;
  node.make_exchange = [routing, parts](const ExchangeSetup& setup) { return make_sides(setup, routing, parts); };
  return {from.graph, {from.graph->add(std::move(node)), ""}};
}

StreamPlace add_side_output(const StreamPlace& of, const std::string& name, RecordType type,
                            std::unique_ptr<OutputBase> (*make_output)()) {
  of.node().side_requests.push_back({name, type.type, make_output});
  return {of.graph, {of.at.node, name}};
}

}  // namespace detail

}  // namespace millstream::inline v0
