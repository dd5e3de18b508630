// What a job's decisions look like in the committed offsets of two consumer groups, and how they are read.
//
// The group "ms.checkpoint-<job>-<instance>" has the number of the checkpoint as its offset, for the first partition of
// the topic of each sink: as long as one of them stays a sink of the job, its decisions are found. Groups of sources
// ("ms-<job>" where the user names none) never begin like that, so that the pointer of one job is not where another job
// keeps its offsets, whatever the two are called. The group of the sources has the next offset of each partition that
// the job's Kafka sources on the same cluster read; all instances of the job share it. All offsets carry the metadata
// "ms1;c=7;n=00000000075bcd15;j=job": the checkpoint's id and nonce, and the job.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// How the groups of pointers begin, and no other.
inline constexpr std::string_view kPointerGroupHead = "ms.checkpoint-";

class DecisionOffsets {
 public:
  DecisionOffsets() = default;
  /// `cluster`: cluster_name() of the sink's; `sources` that read from elsewhere are left out.
  /// `topics`: of the sinks, each once.
  DecisionOffsets(std::string job, std::string group, std::uint32_t instance, const std::vector<std::string>& topics,
                  std::string cluster, const std::vector<DecisionSource>& sources);

  /// Decisions of checkpoints up to this id are known: where one of them is the newest, decision() says that there is
  /// none.
  void set_settled(std::uint64_t id) { settled_ = id; }
  [[nodiscard]] const std::string& group() const { return group_; }
  /// Of the pointers to the checkpoint.
  [[nodiscard]] const std::string& pointer_group() const { return pointer_group_; }
  [[nodiscard]] const std::vector<TopicPartition>& pointers() const { return pointers_; }
  /// Of sources, as far as checkpoints name them: whose offsets the group may have.
  [[nodiscard]] std::vector<TopicPartition> partitions() const;

  /// Partitions that begin at their start: of new splits of these sources on the cluster. One that another source goes
  /// on with is not among them: the offset is that one's.
  [[nodiscard]] std::vector<TopicPartition> beginning(const std::vector<DecisionSource>& sources) const;
  /// Which of such partitions earlier runs have read, of this job or of another one: why none of them may begin. Empty
  /// = they may. Offsets that are no decisions, as of a group that a job takes over, do not count.
  [[nodiscard]] std::string begun(std::span<const CommittedPartition> committed) const;
  /// The job has sources on the cluster.
  [[nodiscard]] bool has_sources() const { return !sources_.empty(); }

  [[nodiscard]] std::string metadata(CheckpointId checkpoint) const;
  /// What the transaction of a checkpoint commits; the pointers come first.
  [[nodiscard]] std::vector<OffsetsOfGroup> of(const DecisionDraft& draft) const;
  /// What the groups' offsets say; `pointers` in the order of pointers(). Those of partitions that are not read any
  /// more, and of sinks that the job had not all the time, which say an older checkpoint, are not looked at, nor those
  /// of partitions that only checkpoints behind the decision name: the job has decided nothing of them yet. Before the
  /// first decision those are not the job's that somebody has committed without the name of a checkpoint. Where the
  /// group names one newer decision than the pointers, that one counts.
  [[nodiscard]] Decision decision(std::span<const std::optional<CommittedOffset>> pointers,
                                  std::span<const CommittedPartition> committed) const;

 private:
  /// The checkpoint, when it was decided, was one that knew the split.
  [[nodiscard]] static bool decided_by(CheckpointId checkpoint, const DecisionSource& source, const std::string& split);
  [[nodiscard]] bool decided_by(CheckpointId checkpoint, const TopicPartition& partition) const;
  /// It names a settled checkpoint of the job.
  [[nodiscard]] bool settled(const CommittedOffset& offset) const;
  /// The one decision of this job behind `pointed` that all newer offsets of the group name, and which of them does.
  [[nodiscard]] std::optional<CheckpointId> newer_in_group(CheckpointId pointed,
                                                           std::span<const CommittedPartition> committed,
                                                           std::string& facts) const;
  [[nodiscard]] std::string named_by_group(const CommittedPartition& partition, const std::string& pointer) const;

  std::string job_;
  std::string group_;
  std::string pointer_group_;
  std::vector<TopicPartition> pointers_;
  std::string cluster_;
  std::vector<DecisionSource> sources_;  // on this cluster
  std::uint64_t settled_ = 0;
};

}  // namespace millstream::inline v0::kafka::detail
