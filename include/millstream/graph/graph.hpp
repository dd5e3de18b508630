// Graph: the declared nodes of a dataflow, what is wrong with them, and how they are to be run. Built on one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millstream/graph/node.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT Graph {
 public:
  explicit Graph(std::string name);
  ~Graph();
  /// With a copy of every node: what is added to one of the two is not in the other.
  Graph(const Graph& other);
  Graph& operator=(const Graph&) = delete;

  /// Adds a node and returns its number; its inputs must have been added before, so the graph is acyclic by
  /// construction.
  std::uint32_t add(Node node);
  [[nodiscard]] Node& node(std::uint32_t number) { return *nodes_[number]; }
  [[nodiscard]] const Node& node(std::uint32_t number) const { return *nodes_[number]; }
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(nodes_.size()); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// The stable id of each node: its name, or derived from its place ("orders/key_by/window").
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Everything that is wrong, one sentence each with what to do about it; empty = the graph can be run.
  /// `with_checkpoints`: also what is wrong only in a run that makes checkpoints, for which sinks decide.
  [[nodiscard]] std::vector<std::string> mistakes(bool with_checkpoints = false) const;
  /// invalid_argument with all mistakes, or success.
  [[nodiscard]] Status check(bool with_checkpoints = false) const;
  /// The greatest step that divides every boundary and lateness of the event-time stages.
  [[nodiscard]] Duration watermark_step() const;
  /// The source that a node's records come from, for nodes before any merge; kNoSource if there is none.
  [[nodiscard]] std::uint32_t source_of(std::uint32_t number) const;
  static constexpr std::uint32_t kNoSource = 0xffffffff;
  /// A key_by behind this source, at any distance, says that a key is in one partition of it only.
  [[nodiscard]] bool keyed_by_partition(std::uint32_t source) const;
  /// Of a job whose key_bys are all by PartitionKey, which is the share of this process in the input; the instances of
  /// such a job have one state_dir. Nothing for every other job. The graph must be without mistakes.
  [[nodiscard]] std::optional<InstanceShare> share() const;
  /// Some stage wants the origin of its records.
  [[nodiscard]] bool wants_origins() const;

  /// One line a stage: id, kind, details, where its records go.
  [[nodiscard]] std::string describe() const;
  /// The same as a Graphviz DOT document.
  [[nodiscard]] std::string describe_dot() const;

 private:
  friend class GraphInspection;  // mistakes.cpp

  /// The type of the records of this output; void where there is no such output.
  [[nodiscard]] std::type_index type_of(const Upstream& output) const;

  std::string name_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace millstream::inline v0
