// Ids, order and watermark step of a graph.
#include "millstream/graph/graph.hpp"

#include <map>
#include <numeric>

namespace millstream::inline v0 {

Graph::Graph(std::string name) : name_{std::move(name)} {}
Graph::~Graph() = default;

Graph::Graph(const Graph& other) : name_{other.name_} {
  for (const auto& node : other.nodes_) nodes_.push_back(std::make_unique<Node>(*node));
}

std::uint32_t Graph::add(Node node) {
  node.number = size();
  for (const Upstream& input : node.inputs) MILLSTREAM_ASSERT(input.node < node.number);
  nodes_.push_back(std::make_unique<Node>(std::move(node)));
  return size() - 1;
}

std::vector<std::string> Graph::ids() const {
  std::vector<std::string> ids;
  std::map<std::string, int> taken;
  for (const auto& node : nodes_) {
    std::string id = node->name;
    if (id.empty()) {
      if (!node->inputs.empty()) {
        const Upstream& first = node->inputs.front();
        id = ids[first.node] + (first.port.empty() ? "" : ":" + first.port) + "/";
      }
      id += node->kind;
      // Stages without state may stand beside each other unnamed; those with state may not (see mistakes()).
      const int earlier = taken[id]++;
      if (earlier > 0) id += "#" + std::to_string(earlier + 1);
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

Duration Graph::watermark_step() const {
  std::int64_t step = 0;
  for (const auto& node : nodes_) {
    if (node->boundary_step) step = std::gcd(step, node->boundary_step->count());
  }
  return step > 0 ? Duration{step} : Duration{std::chrono::milliseconds{1}};
}

std::uint32_t Graph::source_of(std::uint32_t number) const {
  while (!nodes_[number]->is_source) {
    if (nodes_[number]->inputs.size() != 1) return kNoSource;
    number = nodes_[number]->inputs.front().node;
  }
  return number;
}

bool Graph::keyed_by_partition(std::uint32_t source) const {
  std::vector<bool> behind(nodes_.size(), false);
  behind[source] = true;
  for (const auto& node : nodes_) {
    for (const Upstream& input : node->inputs) behind[node->number] = behind[node->number] || behind[input.node];
    if (behind[node->number] && node->keyed_by_partition) return true;
  }
  return false;
}

std::optional<InstanceShare> Graph::share() const {
  std::optional<InstanceShare> share;
  bool by_partition = false;
  for (const auto& node : nodes_) {
    if (node->is_source && node->shared_as) share = InstanceShare{*node->shared_as, node->shared_by};
    by_partition = by_partition || node->groups_by_partition;
  }
  return by_partition ? share : std::nullopt;
}

bool Graph::wants_origins() const {
  for (const auto& node : nodes_) {
    if (!node->is_source && node->on_error == OnError::kDeadLetter) return true;
  }
  return false;
}

std::type_index Graph::type_of(const Upstream& output) const {
  const Node& node = *nodes_[output.node];
  if (output.port.empty()) return node.output_type;
  for (const Node::SideRequest& request : node.side_requests) {
    if (request.name == output.port) return request.type;
  }
  return typeid(void);
}

}  // namespace millstream::inline v0
