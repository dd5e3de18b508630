// Newest first: what has been seen, or gone, in a newer epoch hides what older ones say.
#include "checkpoint/replay.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mutants.hpp"
#include "millstream/core/snapshot.hpp"

namespace millstream::inline v0 {
namespace {

/// Ranges of keys, which may overlap. An empty end is behind every key.
class KeyRanges {
 public:
  void add(std::string first, std::string end) {
    auto next = ranges_.upper_bound(first);
    if (next != ranges_.begin()) {
      const auto before = std::prev(next);
      if (before->second.empty() || before->second >= first) {
        first = before->first;
        end = later(before->second, end);
        ranges_.erase(before);
      }
    }
    while (next != ranges_.end() && (end.empty() || next->first <= end)) {
      end = later(next->second, end);
      next = ranges_.erase(next);
    }
    ranges_.emplace(std::move(first), std::move(end));
  }
  [[nodiscard]] bool contains(std::string_view key) const {
    const auto next = ranges_.upper_bound(key);
    if (next == ranges_.begin()) return false;
    const std::string& end = std::prev(next)->second;
    return end.empty() || key < end;
  }

 private:
  static const std::string& later(const std::string& a, const std::string& b) {
    return a.empty() || (!b.empty() && b < a) ? a : b;
  }
  std::map<std::string, std::string, std::less<>> ranges_;
};

class NewestFirst {
 public:
  NewestFirst(CheckpointStore& store, const Manifest& manifest, const Replay& replay) : store_{store}, replay_{replay} {
    for (const StageSummary& stage : manifest.stages) {
      for (const StateSchema& state : stage.states) known_.insert(state.number);
    }
  }

  // All segments of one epoch, which is the newest or older than those before.
  Status read_epoch(std::span<const SegmentHandle> segments, bool oldest) {
    oldest_ = oldest;
    for (const SegmentHandle& segment : segments) {
      if (Status s = read(segment); !s.ok()) return s;
    }
    // Only now: a key may be removed and come again in one epoch, and shards say things under the same key.
    newest_ = false;
    for (std::string& key : changed_) hidden_.insert(std::move(key));
    changed_.clear();
    for (auto& [where, first, end] : removed_) ranges_[where].add(std::move(first), std::move(end));
    removed_.clear();
    return {};
  }

 private:
  // A state's entries in the key groups of one shard.
  using Where = std::pair<std::uint32_t, std::uint32_t>;
  struct Removed {
    Where where;
    std::string first;
    std::string end;
  };

  Status read(const SegmentHandle& segment) {
    Result<SegmentReader> reader = store_.open_segment(segment);
    if (!reader) return reader.error();
    SegmentFrame frame;
    while (true) {
      const Result<bool> more = reader->next(frame);
      if (!more) return more.error();
      if (!*more) return {};
      if (Status s = take(frame, segment); !s.ok()) return s.at(segment.file.name);
    }
  }
  Status take(const SegmentFrame& frame, const SegmentHandle& segment) {
    if (frame.kind == SegmentFrame::Kind::kMetadata) return newest_ ? replay_.take(frame, segment) : Status{};
    if (!known_.contains(frame.state)) {
      return {ErrorCode::kInvalidData,
              "it changes state " + std::to_string(frame.state) + ", which its manifest does not have"};
    }
    if (frame.kind == SegmentFrame::Kind::kRange) {
      if (frame.key_group != kEveryShard) {
        return {ErrorCode::kInvalidData, "a range of keys in one key group, which this version does not know"};
      }
      if (!oldest_)
        removed_.push_back({{frame.state, segment.shard}, std::string{frame.key}, std::string{frame.value}});
      return {};
    }
    if (!replay_.wanted(frame.key_group)) return {};
    if (frame.key_group == kEveryShard) return newest_ ? replay_.take(frame, segment) : Status{};
    const bool value = frame.kind == SegmentFrame::Kind::kValue;
    if (newest_ && oldest_) return value ? replay_.take(frame, segment) : Status{};
    id_.assign(reinterpret_cast<const char*>(&frame.state), sizeof frame.state);
    id_.append(reinterpret_cast<const char*>(&frame.key_group), sizeof frame.key_group).append(frame.key);
    if (!oldest_) changed_.push_back(id_);
    const bool hidden = hidden_.contains(id_) && !mutant_is(Mutant::kOlderValueRestored);
    if (!value || hidden || in_removed_range({frame.state, segment.shard}, frame.key)) return {};
    return replay_.take(frame, segment);
  }
  [[nodiscard]] bool in_removed_range(const Where& where, std::string_view key) const {
    const auto found = ranges_.find(where);
    return found != ranges_.end() && found->second.contains(key);
  }

  CheckpointStore& store_;
  const Replay& replay_;
  std::set<std::uint32_t> known_;  // states
  bool newest_ = true;
  bool oldest_ = false;
  boost::unordered_flat_set<std::string> hidden_;  // ids of entries of which newer epochs say something
  std::map<Where, KeyRanges> ranges_;              // of newer epochs
  std::vector<std::string> changed_;               // the same of the epoch that is being read
  std::vector<Removed> removed_;
  std::string id_;
};

}  // namespace

Status replay_segments(CheckpointStore& store, const Manifest& manifest, const Replay& replay) {
  NewestFirst reading{store, manifest, replay};
  std::map<std::uint32_t, KeyGroupRange> groups;
  for (const SegmentHandle& each : manifest.segments) {
    if (groups.try_emplace(each.shard, each.groups).first->second == each.groups) continue;
    return {ErrorCode::kInvalidData, "the segments of shard " + std::to_string(each.shard) +
                                         " are of different key groups, so they are not of one run"};
  }
  std::vector<SegmentHandle> segments = manifest.segments;
  std::stable_sort(segments.begin(), segments.end(),
                   [](const SegmentHandle& a, const SegmentHandle& b) { return a.epoch.id > b.epoch.id; });
  for (std::size_t at = 0; at < segments.size();) {
    std::size_t behind = at;
    while (behind < segments.size() && segments[behind].epoch == segments[at].epoch) ++behind;
    if (Status s = reading.read_epoch(std::span{segments}.subspan(at, behind - at), behind == segments.size());
        !s.ok()) {
      return s;
    }
    at = behind;
  }
  return {};
}

}  // namespace millstream::inline v0
