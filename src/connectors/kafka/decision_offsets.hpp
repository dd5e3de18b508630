// What a job's decisions look like in the committed offsets of two consumer groups, and how they are read.
//
// The group "<group>-<instance>" has one offset, for the first partition of the sink's topic: the number of the
// checkpoint. The group itself has the next offset of each partition that the job's Kafka sources on the same cluster
// read. All of them carry the metadata "ms1;c=7;n=00000000075bcd15;j=job": the checkpoint's id and nonce, and the job.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0::kafka::detail {

struct OffsetsOfGroup {
  std::string group;
  std::vector<OffsetToCommit> offsets;
};

/// A partition and what a group has committed for it.
struct CommittedPartition {
  TopicPartition partition;
  std::optional<CommittedOffset> offset = {};
};

class DecisionOffsets {
 public:
  DecisionOffsets() = default;
  /// `cluster`: cluster_name() of the sink's; `sources` that read from elsewhere are left out.
  DecisionOffsets(std::string job, std::string group, std::uint32_t instance, std::string topic,
                  const std::string& cluster, const std::vector<DecisionSource>& sources);

  [[nodiscard]] const std::string& group() const { return group_; }
  /// Of the pointer to the checkpoint.
  [[nodiscard]] const std::string& pointer_group() const { return pointer_group_; }
  [[nodiscard]] TopicPartition pointer() const { return {topic_, 0}; }
  /// Of sources, as far as checkpoints name them: whose offsets the group may have.
  [[nodiscard]] std::vector<TopicPartition> partitions() const;

  [[nodiscard]] std::string metadata(CheckpointId checkpoint) const;
  /// What the transaction of a checkpoint commits; the pointer comes first.
  [[nodiscard]] std::vector<OffsetsOfGroup> of(const DecisionDraft& draft) const;
  /// What the groups' offsets say. Those of partitions that are not read any more, which say an older checkpoint, are
  /// not looked at.
  [[nodiscard]] Decision decision(const std::optional<CommittedOffset>& pointer,
                                  std::span<const CommittedPartition> committed) const;

 private:
  std::string job_;
  std::string group_;
  std::string pointer_group_;
  std::string topic_;
  std::vector<DecisionSource> sources_;  // on this cluster
};

}  // namespace millstream::inline v0::kafka::detail
