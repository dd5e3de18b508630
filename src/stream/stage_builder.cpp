// The untyped part of declaring stages, compiled once.
#include "millstream/stream/stage_builder.hpp"

#include <set>

namespace millstream::inline v0 {

StreamPlace::StreamPlace(std::shared_ptr<Graph> of, Upstream place) : graph{std::move(of)}, at{std::move(place)} {}
StreamPlace::StreamPlace(const StreamPlace&) = default;
StreamPlace::StreamPlace(StreamPlace&&) noexcept = default;
StreamPlace& StreamPlace::operator=(const StreamPlace&) = default;
StreamPlace& StreamPlace::operator=(StreamPlace&&) noexcept = default;
StreamPlace::~StreamPlace() = default;

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

Node node_behind(const StreamPlace& from, const char* kind, RecordType type) {
  Node node;
  node.kind = kind;
  node.inputs = {from.at};
  node.output_type = type.type;
  node.copyable = type.copyable;
  return node;
}

ExchangeSides make_sides(const ExchangeSetup& setup, Routing routing, const ExchangeParts& parts) {
  const std::size_t shards = setup.signals.size();
  std::vector<std::vector<std::shared_ptr<Channel>>> outgoing(shards);
  std::vector<std::vector<std::shared_ptr<Channel>>> incoming(shards);
  ExchangeSides sides;
  for (std::size_t from = 0; from < shards; ++from) {
    for (std::size_t to = 0; to < shards; ++to) {
      auto channel = std::make_shared<Channel>(setup.slots, *setup.signals[from], *setup.signals[to]);
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

StreamPlace add_source(const std::shared_ptr<Graph>& graph, RecordType type, OnError on_bad_record,
                       ListSplits list_splits, MakeStage make) {
  Node node;
  node.kind = "source";
  node.is_source = true;
  node.output_type = type.type;
  node.copyable = type.copyable;
  node.on_error = on_bad_record;
  node.list_splits = list_splits ? std::move(list_splits) : [](SourceContext&) -> Result<std::vector<Split>> {
    return std::vector<Split>{{"0", {}}};
  };
  node.make = std::move(make);
  return {graph, {graph->add(std::move(node)), ""}};
}

StreamPlace add_stage(const StreamPlace& from, const char* kind, RecordType type, MakeStage make) {
  Node node = node_behind(from, kind, type);
  node.make = std::move(make);
  return {from.graph, {from.graph->add(std::move(node)), ""}};
}

StreamPlace add_exchange(const StreamPlace& from, const char* kind, RecordType type, Routing routing,
                         ExchangeParts parts) {
  Node node = node_behind(from, kind, type);
  node.reorders = true;
  node.make_exchange = [routing, parts](const ExchangeSetup& setup) { return make_sides(setup, routing, parts); };
  return {from.graph, {from.graph->add(std::move(node)), ""}};
}

void add_input(const StreamPlace& to, const StreamPlace& from) {
  if (from.graph == to.graph) {
    to.node().inputs.push_back(from.at);
    return;
  }
  to.node().mistakes.push_back("it merges a stream of the dataflow '" + from.graph->name() + "' into one of '" +
                               to.graph->name() +
                               "', and streams of one job only can meet: declare both with the same ms::Dataflow");
}

void add_branches(const StreamPlace& of, std::type_index type, const std::vector<BranchName>& names) {
  Node& node = of.node();
  node.main_optional = true;
  std::set<std::string> taken{dead_letters.name()};
  for (const BranchName& branch : names) {
    if (branch.name.empty()) {
      node.mistakes.emplace_back("a branch has no name, by which it could be taken: give it one");
      continue;
    }
    if (!branch.has_predicate) {
      node.mistakes.push_back("the branch '" + branch.name + "' has no predicate: give it a function of the record");
    }
    if (branch.name == dead_letters.name()) {
      node.mistakes.push_back("a branch is named '" + branch.name +
                              "', as the output of records that a function threw for: choose another name");
    } else if (!taken.insert(branch.name).second) {
      node.mistakes.push_back("two branches are named '" + branch.name + "': give each a name of its own");
    } else {
      node.side_ports.push_back({branch.name, type, true});
    }
  }
}

StreamPlace add_side_output(const StreamPlace& of, const std::string& name, RecordType type,
                            std::unique_ptr<OutputBase> (*make_output)()) {
  of.node().side_requests.push_back({name, type.type, type.copyable, make_output});
  return {of.graph, {of.at.node, name}};
}

}  // namespace detail

}  // namespace millstream::inline v0
