// What can be wrong with a graph. All of it is found before anything starts, so that a user mends it in one go.
#include <algorithm>
#include <map>

#include "millstream/graph/graph.hpp"

namespace millstream::inline v0 {

std::vector<std::string> Graph::mistakes() const {
  std::vector<std::string> all;
  const std::vector<std::string> id = ids();
  const auto said_of = [&](const Node& node) { return "stage '" + id[node.number] + "': "; };

  if (std::none_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->is_source; })) {
    all.push_back("the dataflow has no source: begin with flow.from(...)");
  }

  std::map<std::string, std::uint32_t> named;
  std::map<std::string, std::uint32_t> unnamed_state;
  for (const auto& node : nodes_) {
    for (const std::string& mistake : node->mistakes) all.push_back(said_of(*node) + mistake);

    if (!node->name.empty() && !named.emplace(node->name, node->number).second) {
      all.push_back("two stages are named '" + node->name +
                    "': state and metrics are found by name, so each name may "
                    "be used once");
    }
    if (node->name.empty() && node->stateful) {
      const std::string place = id[node->inputs.front().node] + "/" + node->kind;
      if (!unnamed_state.emplace(place, node->number).second) {
        all.push_back("two stages with state stand at the same place '" + place +
                      "' without a name, so their state could not be told apart after a change: give them names with "
                      ".named(\"...\")");
      }
    }

    // Uses of the main output and of the side outputs.
    std::size_t main_uses = 0;
    std::size_t side_uses = 0;
    std::map<std::string, std::size_t> uses;
    for (const auto& other : nodes_) {
      for (const Upstream& input : other->inputs) {
        if (input.node != node->number) continue;
        ++(input.port.empty() ? main_uses : side_uses);
        ++uses[input.port];
      }
    }
    if (!node->is_sink && main_uses == 0 && !(node->main_optional && side_uses > 0)) {
      all.push_back(said_of(*node) + "its records go nowhere: end the stream with .to(sink), or drop the stage");
    }
    if (!node->copyable && std::any_of(uses.begin(), uses.end(), [](const auto& use) { return use.second > 1; })) {
      all.push_back(said_of(*node) + "its records cannot be copied, so only one stage may take them");
    }
    for (const Node::SideRequest& request : node->side_requests) {
      const auto port = std::find_if(node->side_ports.begin(), node->side_ports.end(),
                                     [&](const Node::SidePort& each) { return each.name == request.name; });
      if (port == node->side_ports.end()) {
        const bool gives_letters = request.name == dead_letters.name() && !node->make_exchange;
        if (!node->any_side_port && !gives_letters) {
          all.push_back(said_of(*node) + "it has no side output '" + request.name + "'");
        }
      } else if (port->type != request.type) {
        all.push_back(said_of(*node) + "its side output '" + request.name +
                      "' has records of another type than the tag that was used");
      }
      if (request.name == dead_letters.name() && uses[request.name] == 0) {
        all.push_back(said_of(*node) + "the stream of its dead letters goes nowhere: end it with .to(sink)");
      }
    }
    const bool letters_taken =
        std::any_of(node->side_requests.begin(), node->side_requests.end(),
                    [](const Node::SideRequest& request) { return request.name == dead_letters.name(); });
    if (node->on_error == OnError::kDeadLetter && !letters_taken) {
      all.push_back(said_of(*node) +
                    "its policy is kDeadLetter, but nobody takes the letters: add "
                    ".side_output(ms::dead_letters).to(...), or use kSkip to count them only");
    }

    if (node->needs_event_time && !has_event_time(node->number)) {
      all.push_back(said_of(*node) +
                    "it works in event time, but its input has none: add .event_time(&Record::field, "
                    "ms::bounded_disorder(...)) behind the source, or use .processing_time()");
    }
    if (node->assigns_event_time) {
      for (std::uint32_t at = node->inputs.front().node;; at = nodes_[at]->inputs.front().node) {
        if (nodes_[at]->reorders || nodes_[at]->inputs.size() > 1) {
          all.push_back(said_of(*node) +
                        "event_time must stand before the first key_by, rebalance, broadcast or merge ('" + id[at] +
                        "'), for watermarks belong to the splits of the source");
          break;
        }
        if (nodes_[at]->assigns_event_time) {
          all.push_back(said_of(*node) + "the stream has an event time already, from '" + id[at] + "'");
          break;
        }
        if (nodes_[at]->inputs.empty()) break;
      }
    }
    if (node->inputs.size() > 1) {
      std::size_t timed = 0;
      for (const Upstream& input : node->inputs) timed += has_event_time(input.node) ? 1 : 0;
      if (timed != 0 && timed != node->inputs.size()) {
        all.push_back(said_of(*node) +
                      "some of the merged streams have an event time and some have none: give it to "
                      "all, before the merge");
      }
    }
  }
  return all;
}

Status Graph::check() const {
  const std::vector<std::string> all = mistakes();
  if (all.empty()) return {};
  std::string text = "dataflow '" + name_ + "' cannot be started:";
  for (const std::string& mistake : all) text += "\n  - " + mistake;
  return {ErrorCode::kInvalidArgument, std::move(text)};
}

}  // namespace millstream::inline v0
