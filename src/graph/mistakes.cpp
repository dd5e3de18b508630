// What can be wrong with a graph. All of it is found before anything starts, so that a user mends it in one go. Each
// mistake says where it is, what is wrong and what to do.
#include <algorithm>
#include <map>
#include <set>
#include <typeinfo>

#include "millstream/graph/graph.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0 {

/// One walk over the nodes of a graph.
class GraphInspection {
 public:
  GraphInspection(const Graph& graph, bool with_checkpoints)
      : graph_{graph}, with_checkpoints_{with_checkpoints}, ids_{graph.ids()} {}

  std::vector<std::string> mistakes() {
    const auto& nodes = graph_.nodes_;
    if (std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return node->is_source; })) {
      all_.push_back("the dataflow has no source: begin with flow.from(...)");
    }
    for (const auto& node : nodes) {
      for (const std::string& mistake : node->mistakes) say(*node, mistake);
      inspect_names(*node);
      // Nodes stand behind their inputs, so what those give out is known.
      timed_.push_back(node->assigns_event_time || inputs_have_event_time(*node));
      inspect_outputs(*node);
      inspect_dead_letters(*node);
      inspect_inputs(*node);
      if (node->assigns_event_time) inspect_event_time(*node);
      inspect_shared_input(*node);
      if (node->make_decider && with_checkpoints_) inspect_decider(*node);
    }
    inspect_partition_keys();
    return std::move(all_);
  }

 private:
  using Uses = std::map<std::string, std::size_t>;  // how many stages take each output; "" is the main one

  void say(const Node& node, const std::string& mistake) {
    all_.push_back("stage '" + ids_[node.number] + "': " + mistake);
  }

  void inspect_names(const Node& node) {
    const std::string& id = ids_[node.number];
    if (const auto [first, is_new] = known_.emplace(id, &node); !is_new) {
      const bool both_named = !node.name.empty() && !first->second->name.empty();
      all_.push_back(both_named ? "two stages are named '" + id +
                                      "': state and metrics are found by name, so each name may be used once"
                                : "a stage is named '" + id +
                                      "', which is also the id that another stage has from its place, and state and "
                                      "metrics are found by id: choose another name, or name both");
    }
    if (node.name.empty() && node.stateful) {
      const std::string place = ids_[node.inputs.front().node] + "/" + node.kind;
      if (!unnamed_state_.insert(place).second) {
        all_.push_back("two stages with state stand at the same place '" + place +
                       "' without a name, so their state could not be told apart after a change: give them names with "
                       ".named(\"...\")");
      }
    }
  }

  // With each of them, as some may leave out what others differ in.
  void inspect_decider(const Node& node) {
    for (const Node* other : deciders_) {
      if (!inspect_two_deciders(*other, node)) return;
    }
    deciders_.push_back(&node);
  }

  bool inspect_two_deciders(const Node& other, const Node& node) {
    const Decider& first = *other.declared_decider;
    const Decider& second = *node.declared_decider;
    const std::string apart =
        typeid(first) == typeid(second) ? first.why_not_joined(second) : "two transactions cannot be committed as one";
    if (apart.empty()) return true;
    const auto where = [](const Decider& decider) {
      const std::string place = decider.describe();
      return place.empty() ? place : " (" + place + ")";
    };
    say(node, "its transaction decides what counts of the job's output" + where(second) +
                  ", and so does that of the sink '" + ids_[other.number] + "'" + where(first) + ": " + apart +
                  ". A crash between two commits would lose or double the output of one of them: write to both through "
                  "one sink, or let one of them, as that of dead letters, be at-least-once (of Kafka: .guarantee = "
                  "ms::kafka::Guarantee::kAtLeastOnce)");
    return false;
  }

  // A process that reads some partitions of an input sees all records of a key only where those are in one partition.
  void inspect_shared_input(const Node& node) {
    const Node* shared = node.shared_by > 1 ? &node : nullptr;
    for (const Upstream& input : node.inputs) {
      if (shared == nullptr) shared = shared_[input.node];
    }
    shared_.push_back(shared);
    if (shared == nullptr || !node.groups_by_key || node.keyed_by_partition) return;
    say(node, "its source '" + ids_[shared->number] + "' is shared by " + std::to_string(shared->shared_by) +
                  " processes, each of which reads some of the partitions, so a key that is in several of them would "
                  "have a wrong result in each process: where the input has every key in one partition only (its "
                  "messages have this key), say so with .key_by(...).keyed_by_partition(); else write the records to "
                  "a topic with this key first, or read all partitions in one process");
  }

  // State that goes with the partitions needs all of it to, and everybody to mean the same by a partition.
  void inspect_partition_keys() {
    const auto& nodes = graph_.nodes_;
    const auto by_partition =
        std::find_if(nodes.begin(), nodes.end(), [](const auto& node) { return node->groups_by_partition; });
    if (by_partition == nodes.end()) return;
    const std::string why = "the stage '" + ids_[(*by_partition)->number] + "' is keyed by ms::PartitionKey, ";
    const Node* first = nullptr;
    for (const auto& node : nodes) {
      if (node->groups_by_key && !node->groups_by_partition) {
        say(*node,
            why + "and this one is not, so its state would not go with the partitions: key all of them so, or none");
      }
      if (!node->is_source) continue;
      if (!node->shared_as) {
        say(*node, why + "and this source does not read partitions (it has no shared_as())");
        continue;
      }
      if (first == nullptr) first = node.get();
      if (first->shared_as != node->shared_as || first->shared_by != node->shared_by) {
        say(*node, why + "and its instance and instances are " + std::to_string(*node->shared_as) + " of " +
                       std::to_string(node->shared_by) + ", those of the source '" + ids_[first->number] + "' " +
                       std::to_string(*first->shared_as) + " of " + std::to_string(first->shared_by) +
                       ": give all sources the same");
      }
    }
  }

  [[nodiscard]] Uses uses_of(const Node& node) const {
    Uses uses;
    for (const auto& other : graph_.nodes_) {
      for (const Upstream& input : other->inputs) {
        if (input.node == node.number) ++uses[input.port];
      }
    }
    return uses;
  }

  void inspect_outputs(const Node& node) {
    Uses uses = uses_of(node);
    const bool main_used = uses[""] > 0;
    if (!node.is_sink && !main_used && !(node.main_optional && uses.size() > 1)) {
      say(node, "its records go nowhere: end the stream with .to(sink), or drop the stage");
    }
    inspect_copies(node, "its records", node.copyable, uses[""]);
    std::map<std::string, const Node::SideRequest*> asked;
    for (const Node::SideRequest& request : node.side_requests) {
      const auto [first, is_new] = asked.emplace(request.name, &request);
      if (is_new) {
        inspect_side_output(node, request, uses[request.name]);
        inspect_copies(node, "the records of its side output '" + request.name + "'", request.copyable,
                       uses[request.name]);
      } else if (first->second->type != request.type) {
        say(node, "its side output '" + request.name +
                      "' is asked for by two tags of different types: use one OutputTag for it everywhere");
      }
    }
    for (const Node::SidePort& port : node.side_ports) {
      if (port.must_be_taken && !asked.contains(port.name)) {
        say(node, "nobody takes its branch '" + port.name + "', so its records would be lost: take it with .branch(\"" +
                      port.name + "\"), or drop such records with a filter before");
      }
    }
  }

  void inspect_copies(const Node& node, const std::string& records, bool copyable, std::size_t uses) {
    if (copyable || uses <= 1) return;
    say(node, records +
                  " cannot be copied, so only one stage may take them: make their type copyable, or hold them by "
                  "std::shared_ptr");
  }

  void inspect_side_output(const Node& node, const Node::SideRequest& request, std::size_t uses) {
    const std::string output = "its side output '" + request.name + "'";
    std::vector<Node::SidePort> ports = node.side_ports;
    if (!node.make_exchange) ports.push_back({dead_letters.name(), typeid(DeadLetter)});
    const auto port =
        std::find_if(ports.begin(), ports.end(), [&](const auto& each) { return each.name == request.name; });
    if (request.name.empty()) {
      say(node, "a side output is asked for by a tag without a name: give the OutputTag one");
    } else if (port == ports.end()) {
      if (node.any_side_port) {
        // What it emits to is known to its function alone.
      } else if (ports.empty()) {
        say(node, "it has no side output '" + request.name + "', and no other: ask the stage before it");
      } else {
        std::string names;
        for (const auto& each : ports) names += (names.empty() ? "'" : ", '") + each.name + "'";
        say(node, "it has no side output '" + request.name + "': use one that it has, " + names);
      }
    } else if (port->type != request.type) {
      say(node, output +
                    " has records of another type than the tag that was used: ask for it with the tag that the "
                    "stage gives it out under");
    }
    if (uses == 0) {
      say(node, output + " was asked for and goes nowhere: end that stream with .to(sink), or do not ask for it");
    }
  }

  void inspect_dead_letters(const Node& node) {
    if (node.on_error != OnError::kDeadLetter) return;
    const bool taken =
        std::any_of(node.side_requests.begin(), node.side_requests.end(),
                    [](const Node::SideRequest& request) { return request.name == dead_letters.name(); });
    if (taken) return;
    say(node,
        "its policy is kDeadLetter, but nobody takes the letters: add .side_output(ms::dead_letters).to(...), or "
        "use kSkip to count them only");
  }

  void inspect_inputs(const Node& node) {
    if (node.needs_event_time && !inputs_have_event_time(node)) {
      say(node, reads_dead_letters(node)
                    ? "it works in event time, and dead letters have none: use .processing_time()"
                    : "it works in event time, but its input has none: add .event_time(&Record::field, "
                      "ms::bounded_disorder(...)) behind the source, or use .processing_time()");
    }
    if (node.inputs.size() < 2) return;
    const auto timed = std::count_if(node.inputs.begin(), node.inputs.end(),
                                     [&](const Upstream& input) { return has_event_time(input); });
    if (timed != 0 && static_cast<std::size_t>(timed) != node.inputs.size()) {
      say(node, "some of the merged streams have an event time and some have none: give it to all, before the merge");
    }
    if (std::any_of(node.inputs.begin(), node.inputs.end(),
                    [&](const Upstream& input) { return graph_.type_of(input) != node.output_type; })) {
      say(node, "the merged streams have records of different types: map them to one type before the merge");
    }
  }

  /// The records of this output have event times.
  [[nodiscard]] bool has_event_time(const Upstream& output) const {
    // A letter is about a record that could not be used, and bad input never had a time.
    return output.port != dead_letters.name() && timed_[output.node];
  }
  [[nodiscard]] bool inputs_have_event_time(const Node& node) const {
    return !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(),
                                               [&](const Upstream& input) { return has_event_time(input); });
  }

  [[nodiscard]] bool reads_dead_letters(const Node& node) const {
    for (const Node* at = &node; !at->inputs.empty(); at = graph_.nodes_[at->inputs.front().node].get()) {
      if (at->inputs.front().port == dead_letters.name()) return true;
    }
    return false;
  }

  // Watermarks belong to the splits of a source, so nothing may stand before that mixes them or loses them.
  void inspect_event_time(const Node& node) {
    const Node* at = &node;
    while (!at->inputs.empty()) {
      const Upstream& input = at->inputs.front();
      at = graph_.nodes_[input.node].get();
      if (!input.port.empty()) {
        say(node, "event_time must stand before the side output '" + input.port + "' of '" + ids_[at->number] +
                      "', for watermarks belong to the splits of the source: put it directly behind the source");
        return;
      }
      if (at->reorders || at->inputs.size() > 1) {
        say(node, "event_time must stand before the first key_by, rebalance, broadcast or merge ('" + ids_[at->number] +
                      "'), for watermarks belong to the splits of the source: put it directly behind the source");
        return;
      }
      if (at->assigns_event_time) {
        say(node, "the stream has an event time already, from '" + ids_[at->number] + "': drop one of the two");
        return;
      }
    }
    const auto [first, is_new] = timed_sources_.emplace(at->number, &node);
    if (is_new) return;
    say(node,
        "the source '" + ids_[at->number] + "' has its event time from '" + ids_[first->second->number] +
            "' already, and its splits have one watermark each: call event_time once, directly behind the source, "
            "and let the streams part behind it");
  }

  const Graph& graph_;
  const bool with_checkpoints_;
  const std::vector<std::string> ids_;
  std::vector<std::string> all_;
  std::vector<bool> timed_;          // of each node so far, whether it gives out records with event times
  std::vector<const Node*> shared_;  // of each node so far, a source of it that several processes share
  std::map<std::string, const Node*> known_;
  std::set<std::string> unnamed_state_;
  std::vector<const Node*> deciders_;  // sinks whose transactions decide, and can as one
  std::map<std::uint32_t, const Node*> timed_sources_;
};

std::vector<std::string> Graph::mistakes(bool with_checkpoints) const {
  return GraphInspection{*this, with_checkpoints}.mistakes();
}

Status Graph::check(bool with_checkpoints) const {
  const std::vector<std::string> all = mistakes(with_checkpoints);
  if (all.empty()) return {};
  std::string text = "dataflow '" + name_ + "' cannot be started:";
  for (const std::string& mistake : all) text += "\n  - " + mistake;
  return {ErrorCode::kInvalidArgument, std::move(text)};
}

}  // namespace millstream::inline v0
