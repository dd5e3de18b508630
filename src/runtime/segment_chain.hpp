// SegmentChain: the segments that the next manifest names, shard by shard, and which shards the next checkpoint asks
// for everything and not for what has changed. A segment counts from when it is on the disk: whether its checkpoint is
// committed then is no matter, for the shard has said what is in it and does not say it again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "millstream/checkpoint/segment.hpp"

namespace millstream::inline v0 {

/// Belongs to the coordinator.
class SegmentChain {
 public:
  /// All shards begin anew when the changes have so many bytes and a quarter of what the whole state had itself, or are
  /// in very many files.
  SegmentChain(std::uint32_t shards, std::uint64_t rebase_bytes) : shards_(shards), rebase_bytes_{rebase_bytes} {}

  /// In the order of epochs, and of shards in each.
  [[nodiscard]] std::vector<SegmentHandle> segments() const {
    std::vector<SegmentHandle> all;
    for (const OfShard& shard : shards_) all.insert(all.end(), shard.segments.begin(), shard.segments.end());
    std::sort(all.begin(), all.end(), [](const SegmentHandle& a, const SegmentHandle& b) {
      return std::tie(a.epoch.id, a.shard) < std::tie(b.epoch.id, b.shard);
    });
    return all;
  }
  /// One bit a shard: those that are to say everything.
  [[nodiscard]] std::uint64_t wants_whole() const {
    std::uint64_t whole_bytes = 0;
    std::uint64_t changed_bytes = 0;
    std::size_t longest = 0;
    std::uint64_t wanted = 0;
    std::uint64_t bit = 1;
    for (const OfShard& shard : shards_) {
      for (const SegmentHandle& each : shard.segments) {
        (&each == &shard.segments.front() ? whole_bytes : changed_bytes) += each.file.size_bytes;
      }
      longest = std::max(longest, shard.segments.size());
      if (shard.segments.empty()) wanted |= bit;
      bit <<= 1;
    }
    const bool grown = changed_bytes >= rebase_bytes_ && changed_bytes >= whole_bytes / 4;
    return grown || longest > kChangesMax ? ~std::uint64_t{0} : wanted;
  }

  /// A segment of the newest checkpoint is on the disk; `whole`: it holds all of its shard.
  void add(SegmentHandle segment, bool whole) {
    OfShard& shard = shards_[segment.shard];
    if (whole) shard = {};
    shard.segments.push_back(std::move(segment));
  }
  /// Something that the shard has given out is in no file.
  void lost(std::uint32_t shard) { shards_[shard] = {}; }
  /// A committed manifest names all of it.
  void committed() {
    for (OfShard& shard : shards_) shard.committed = shard.segments.size();
  }
  /// What no committed manifest names is to be deleted: a shard that has something there has lost it.
  void drop_kept() {
    for (OfShard& shard : shards_) {
      if (shard.committed < shard.segments.size()) shard = {};
    }
  }

 private:
  static constexpr std::size_t kChangesMax = 256;  // a manifest names them all, and a restart opens them all
  struct OfShard {
    std::vector<SegmentHandle> segments;  // a whole one, and changes behind it
    std::size_t committed = 0;            // so many of them
  };

  std::vector<OfShard> shards_;
  std::uint64_t rebase_bytes_;
};

}  // namespace millstream::inline v0
