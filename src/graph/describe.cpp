// A graph as text and as DOT.
#include "millstream/graph/graph.hpp"

namespace millstream::inline v0 {
namespace {

// In a label a backslash begins an escape: a newline is written as one, a backslash doubled.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out + '"';
}

}  // namespace

std::string Graph::describe() const {
  const std::vector<std::string> id = ids();
  std::string out = "dataflow " + name_ + "\n";
  for (const auto& node : nodes_) {
    out += "  " + id[node->number] + ": " + node->kind;
    if (!node->detail.empty()) out += " " + node->detail;
    for (std::size_t i = 0; i < node->inputs.size(); ++i) {
      out += i == 0 ? " <- " : ", ";
      out += id[node->inputs[i].node];
      if (!node->inputs[i].port.empty()) out += ":" + node->inputs[i].port;
    }
    out += '\n';
  }
  return out;
}

std::string Graph::describe_dot() const {
  const std::vector<std::string> id = ids();
  std::string out = "digraph " + quoted(name_) + " {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const auto& node : nodes_) {
    const std::string label = id[node->number] + (node->detail.empty() ? "" : "\n" + node->detail);
    out += "  n" + std::to_string(node->number) + " [label=" + quoted(label) + "];\n";
    for (const Upstream& input : node->inputs) {
      out += "  n" + std::to_string(input.node) + " -> n" + std::to_string(node->number);
      if (!input.port.empty()) out += " [label=" + quoted(input.port) + "]";
      out += ";\n";
    }
  }
  return out + "}\n";
}

}  // namespace millstream::inline v0
