// Between checkpoints and committed offsets.
#include "connectors/kafka/decision_offsets.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "connectors/kafka/source_hub.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::string_view kHead = "ms1;c=";
constexpr std::size_t kNonceDigits = 16;

struct Named {
  CheckpointId checkpoint;
  std::string job;
};

std::optional<Named> parse(std::string_view text) {
  Named named;
  if (!text.starts_with(kHead)) return std::nullopt;
  const char* const end = text.data() + text.size();
  const auto id = std::from_chars(text.data() + kHead.size(), end, named.checkpoint.id);
  if (id.ec != std::errc{} || !std::string_view{id.ptr, end}.starts_with(";n=")) return std::nullopt;
  const auto nonce = std::from_chars(id.ptr + 3, end, named.checkpoint.nonce, 16);
  if (nonce.ec != std::errc{} || !std::string_view{nonce.ptr, end}.starts_with(";j=")) return std::nullopt;
  named.job.assign(nonce.ptr + 3, end);
  return named;
}

}  // namespace

DecisionOffsets::DecisionOffsets(std::string job, std::string group, std::uint32_t instance,
                                 const std::vector<std::string>& topics, std::string cluster,
                                 const std::vector<DecisionSource>& sources)
    : job_{std::move(job)},
      group_{std::move(group)},
      pointer_group_{std::string{kPointerGroupHead}.append(job_).append("-").append(std::to_string(instance))},
      cluster_{std::move(cluster)} {
  for (const std::string& topic : topics) pointers_.push_back({topic, 0});
  for (const DecisionSource& source : sources) {
    if (source.reads_from == cluster_) sources_.push_back(source);
  }
}

// Where two sources read one partition, the first of them has its offset.
std::vector<TopicPartition> DecisionOffsets::partitions() const {
  std::set<std::string> seen;
  std::vector<TopicPartition> all;
  for (const DecisionSource& source : sources_) {
    for (const std::string& split : source.splits) {
      if (seen.insert(split).second) all.push_back(parse_split_id(split));
    }
  }
  return all;
}

std::vector<TopicPartition> DecisionOffsets::beginning(const std::vector<DecisionSource>& sources) const {
  std::set<std::string> fresh;
  std::set<std::string> going_on;
  for (const DecisionSource& source : sources) {
    if (source.reads_from != cluster_) continue;
    fresh.insert(source.new_splits.begin(), source.new_splits.end());
    std::set_difference(source.splits.begin(), source.splits.end(), source.new_splits.begin(), source.new_splits.end(),
                        std::inserter(going_on, going_on.end()));
  }
  std::vector<TopicPartition> all;
  for (const std::string& split : fresh) {
    if (!going_on.contains(split)) all.push_back(parse_split_id(split));
  }
  return all;
}

std::string DecisionOffsets::begun(std::span<const CommittedPartition> committed) const {
  std::string first;
  std::size_t more = 0;
  for (const CommittedPartition& each : committed) {
    const std::optional<Named> named = each.offset ? parse(each.offset->metadata) : std::nullopt;
    if (!named) continue;
    if (!first.empty()) {
      ++more;
      continue;
    }
    first = "the partition " + split_id(each.partition) + " would be read from its start, but the group '" + group_;
    first += "' has the offset " + std::to_string(each.offset->offset) + " of it, which checkpoint ";
    first += named->checkpoint.to_string();
    first += named->job == job_ ? " of this job has decided" : " of the job '" + named->job + "' has decided";
    if (named->job != job_) return first + ": give each job its own name and .group";
  }
  if (first.empty()) return first;
  if (more > 0) first += " (and " + std::to_string(more) + " more partitions)";
  return first +
         ": what was read of it is in the state folder of another instance, or of a source stage of another name. "
         "Start as many .instances as there were, each with its state folder";
}

// The job comes last: its name may have any characters.
std::string DecisionOffsets::metadata(CheckpointId checkpoint) const {
  char digits[kNonceDigits];
  const auto written = std::to_chars(digits, digits + kNonceDigits, checkpoint.nonce, 16);
  const std::string_view nonce{digits, written.ptr};
  std::string text{kHead};
  text += std::to_string(checkpoint.id);
  text += ";n=";
  text.append(kNonceDigits - nonce.size(), '0');
  text += nonce;
  text += ";j=";
  text += job_;
  return text;
}

std::vector<OffsetsOfGroup> DecisionOffsets::of(const DecisionDraft& draft) const {
  std::vector<OffsetsOfGroup> all;
  OffsetsOfGroup named{pointer_group_, {}};
  for (const TopicPartition& pointer : pointers_) {
    named.offsets.push_back({pointer, static_cast<std::int64_t>(draft.checkpoint.id)});
  }
  all.push_back(std::move(named));
  OffsetsOfGroup read{group_, {}};
  std::set<std::string> seen;
  for (const DecisionSource& source : sources_) {
    for (const SplitPosition& each : draft.positions) {
      if (each.source != source.stage || !seen.insert(each.split).second) continue;
      Position position;
      const bool decoded = decode_value(each.position, position);
      MILLSTREAM_ASSERT(decoded);
      read.offsets.push_back({parse_split_id(each.split), static_cast<std::int64_t>(position.offset)});
    }
  }
  if (!read.offsets.empty()) all.push_back(std::move(read));
  return all;
}

bool DecisionOffsets::decided_by(CheckpointId checkpoint, const DecisionSource& source, const std::string& split) {
  if (std::find(source.splits.begin(), source.splits.end(), split) == source.splits.end()) return false;
  const auto first = source.first_named.find(split);
  return first == source.first_named.end() || first->second <= checkpoint.id;
}

bool DecisionOffsets::decided_by(CheckpointId checkpoint, const TopicPartition& partition) const {
  const std::string split = split_id(partition);
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const DecisionSource& source) { return decided_by(checkpoint, source, split); });
}

// Where the checkpoint is not in this folder, the decision was another instance's.
std::string DecisionOffsets::named_by_group(const CommittedPartition& partition, const std::string& pointer) const {
  return "that is what the offset " + std::to_string(partition.offset->offset) + " of the group '" + group_ + "' for " +
         split_id(partition.partition) + " says, and this instance's own group '" + pointer_group_ + "' names " +
         pointer +
         ": where that checkpoint was never in this state folder, another instance of the job has read the partition, "
         "and has its state; run as many .instances as there were, each with its own state folder";
}

std::optional<CheckpointId> DecisionOffsets::newer_in_group(CheckpointId pointed,
                                                            std::span<const CommittedPartition> committed,
                                                            std::string& facts) const {
  std::optional<CheckpointId> newer;
  bool known = false;  // also of what the pointer's checkpoint had read: others' partitions say nothing of this one's
  for (const CommittedPartition& each : committed) {
    const std::optional<Named> named = each.offset ? parse(each.offset->metadata) : std::nullopt;
    if (!named || named->job != job_ || named->checkpoint.id < pointed.id) continue;
    const bool was_read = decided_by(pointed, each.partition);
    if (named->checkpoint.id == pointed.id) {
      if (was_read) return std::nullopt;
      continue;
    }
    if (!decided_by(named->checkpoint, each.partition)) continue;
    if (newer && *newer != named->checkpoint) return std::nullopt;
    if (!newer) facts = named_by_group(each, "checkpoint " + pointed.to_string());
    newer = named->checkpoint;
    known = known || was_read;
  }
  if (!known) return std::nullopt;
  return newer;
}

bool DecisionOffsets::settled(const CommittedOffset& offset) const {
  const std::optional<Named> named = parse(offset.metadata);
  return named && named->job == job_ && named->checkpoint.id <= settled_;
}

Decision DecisionOffsets::decision(std::span<const std::optional<CommittedOffset>> found_pointers,
                                   std::span<const CommittedPartition> found_committed) const {
  // What is settled is as if it were not there: of a new number of instances nobody has decided anything yet.
  std::vector<std::optional<CommittedOffset>> pointers{found_pointers.begin(), found_pointers.end()};
  for (auto& pointer : pointers) {
    if (pointer && settled(*pointer)) pointer.reset();
  }
  std::vector<CommittedPartition> committed{found_committed.begin(), found_committed.end()};
  for (CommittedPartition& each : committed) {
    if (each.offset && settled(*each.offset)) each.offset.reset();
  }
  const auto conflict = [](const std::string& group, const TopicPartition& partition, const std::string& what) {
    return Decision{Decision::Kind::kConflict,
                    {},
                    {},
                    "the offset of the group '" + group + "' for " + split_id(partition) + " " + what};
  };
  const auto strange = [&](const std::optional<Named>& named) -> std::string {
    if (!named) return "is none of a job's decisions: somebody else has set it";
    if (named->job != job_) {
      return "is a decision of the job '" + named->job + "': give each job its own name and .group";
    }
    return {};
  };
  Decision decision;
  const auto decide = [&](CheckpointId checkpoint) {
    decision.kind = Decision::Kind::kDecided;
    decision.checkpoint = checkpoint;
  };
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    const std::optional<CommittedOffset>& pointer = pointers[i];
    if (!pointer) continue;
    const std::optional<Named> named = parse(pointer->metadata);
    std::string wrong = strange(named);
    if (wrong.empty() && pointer->offset != static_cast<std::int64_t>(named->checkpoint.id)) {
      wrong = "is not that of its checkpoint " + named->checkpoint.to_string() + ": somebody else has set it";
    }
    if (wrong.empty() && named->checkpoint.id == decision.checkpoint.id && named->checkpoint != decision.checkpoint) {
      wrong = "is of checkpoint " + named->checkpoint.to_string() + ", and another sink's of " +
              decision.checkpoint.to_string() + ": another job has the same name, or it was set";
    }
    if (!wrong.empty()) return conflict(pointer_group_, pointers_[i], wrong);
    if (named->checkpoint.id > decision.checkpoint.id) decide(named->checkpoint);
  }
  const bool pointed = decision.kind == Decision::Kind::kDecided;
  // The sinks were none of the job for a time, and others' pointers were written with the group's offsets, in one
  // transaction: what names a checkpoint there was decided, and behind the fence nothing comes that is newer. Whether
  // it is a checkpoint of this folder the recovery looks at, as with any decision.
  if (pointed) {
    std::string facts;
    if (const auto newer = newer_in_group(decision.checkpoint, committed, facts)) {
      decide(*newer);
      decision.facts = std::move(facts);
    }
  }
  std::vector<std::pair<CheckpointId, const CommittedPartition*>> named_by;
  // A group that a job takes over has offsets until its first checkpoint is decided, with which it has the job's.
  const bool any_named = std::any_of(committed.begin(), committed.end(), [](const CommittedPartition& each) {
    return each.offset && parse(each.offset->metadata);
  });
  if (!pointed && !any_named) return decision;
  for (const CommittedPartition& each : committed) {
    if (!each.offset || (pointed && !decided_by(decision.checkpoint, each.partition))) continue;
    const std::optional<Named> named = parse(each.offset->metadata);
    if (const std::string wrong = strange(named); !wrong.empty()) return conflict(group_, each.partition, wrong);
    named_by.emplace_back(named->checkpoint, &each);
    // The sinks' topics may have been made anew, and with them the pointers have gone.
    if (!pointed && (decision.kind == Decision::Kind::kNone || named->checkpoint.id > decision.checkpoint.id)) {
      decide(named->checkpoint);
      decision.facts = named_by_group(each, "none");
    }
  }
  for (const auto& [checkpoint, each] : named_by) {
    if (checkpoint.id < decision.checkpoint.id) continue;
    if (checkpoint != decision.checkpoint) {
      return conflict(group_, each->partition,
                      "is of checkpoint " + checkpoint.to_string() + ", and the newest decision is " +
                          decision.checkpoint.to_string() +
                          ": another instance of the job reads the partition, too (run as many .instances as there "
                          "were, each with its own state folder), another job has the same name, or it was set; or "
                          "the sinks of this run were none of the job when that was decided: then run once with those "
                          "of then and of now, until a checkpoint is there");
    }
    const std::string split = split_id(each->partition);
    for (const DecisionSource& source : sources_) {
      if (!decided_by(checkpoint, source, split)) continue;
      SplitPosition position{source.stage, split, {}, false};
      encode_value(Position{static_cast<std::uint64_t>(each->offset->offset), {}}, position.position);
      decision.positions.push_back(std::move(position));
      break;
    }
  }
  return decision;
}

}  // namespace millstream::inline v0::kafka::detail
