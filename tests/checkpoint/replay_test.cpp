// What a chain of segments holds, against a plain map to which they are applied from the first to the last.
#include "checkpoint/replay.hpp"

#include <gtest/gtest.h>

#include <map>

#include "checkpoint/samples.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/core/random.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream {
namespace {

using Key = std::tuple<std::uint32_t, std::uint32_t, std::string>;  // state, key group, key
using Model = std::map<Key, std::string>;

constexpr std::uint32_t kShards = 2;
constexpr std::uint32_t kStates = 3;

/// A store with one manifest that is written by hand.
class ReplayedChain : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  ReplayedChain() {
    manifest_.stages = {{"stage", "kind", {{0, "a", ""}, {1, "b", ""}, {2, "c", ""}}, ""}};
    store_ = *LocalCheckpointStore::open(files_, "state");
    EXPECT_TRUE(store_->settle().ok());
  }
  std::string random_key() {
    std::string key(1 + random_.below(3), '\0');
    for (char& c : key) c = static_cast<char>(random_.below(2) == 0 ? random_.below(4) : 252 + random_.below(4));
    return key;
  }
  // One epoch of one shard, which owns the key groups whose number divided by kShards leaves its own.
  void write(const CheckpointId& epoch, std::uint32_t shard, bool whole) {
    Result<SegmentWriter> writer = store_->create_segment(epoch, shard);
    ASSERT_TRUE(writer) << writer.error().to_string();
    for (std::uint32_t state = 0; state < kStates; ++state) {
      SegmentChunk chunk{state};
      for (std::uint64_t n = whole ? 0 : random_.below(3); n > 0; --n) {
        const std::string first = random_.chance(0.1) ? "" : random_key();
        const std::string end = random_.chance(0.1) ? "" : random_key();
        if (!end.empty() && end <= first) continue;
        chunk.remove_range(kEveryShard, first, end);
        ranges_.push_back({state, shard, first, end});
      }
      for (std::uint64_t n = random_.below(20); n > 0; --n) {
        const auto group = static_cast<std::uint32_t>(kShards * random_.below(3)) + shard;
        std::string key = random_key();
        if (!whole && random_.chance(0.3)) {
          if (now_.contains({state, group, key})) continue;  // what has gone does not go behind its coming
          chunk.remove(group, key);
          removed_.push_back({state, group, key});
          continue;
        }
        const std::string value = std::to_string(random_());
        if (now_.contains({state, group, key})) continue;
        chunk.put(group, key, value);
        now_[{state, group, key}] = value;
      }
      const std::string progress = epoch.to_string() + std::to_string(shard);
      chunk.put(kEveryShard, "progress", progress);
      every_shard_.push_back(progress);
      ASSERT_TRUE(writer->append(chunk).ok());
    }
    const Result<SegmentHandle> handle = writer->finish({0, 1024});
    ASSERT_TRUE(handle) << handle.error().to_string();
    manifest_.segments.push_back(*handle);
  }
  void write_epoch(std::uint64_t id, bool whole) {
    const CheckpointId epoch{id, random_()};
    ASSERT_TRUE(store_->begin(epoch).ok());
    every_shard_.clear();
    for (std::uint32_t shard = 0; shard < kShards; ++shard) write(epoch, shard, whole);
    for (const auto& [state, shard, first, end] : ranges_) {
      std::erase_if(model_, [&, s = state, o = shard, f = first, e = end](const auto& entry) {
        const auto& [its_state, group, key] = entry.first;
        return its_state == s && group % kShards == o && key >= f && (e.empty() || key < e);
      });
    }
    for (const Key& each : removed_) model_.erase(each);
    for (const auto& [key, value] : now_) model_[key] = value;
    ranges_.clear();
    removed_.clear();
    now_.clear();
    ASSERT_TRUE(store_->abort(epoch, AbortedSegments::kKeep).ok());
  }

  Random random_{GetParam()};
  testing::MemoryFileSystem files_;
  std::unique_ptr<LocalCheckpointStore> store_;
  Manifest manifest_;
  Model model_;
  struct Range {
    std::uint32_t state;
    std::uint32_t shard;
    std::string first;
    std::string end;
  };
  std::vector<Range> ranges_;  // of the epoch that is being written
  std::vector<Key> removed_;
  Model now_;
  std::vector<std::string> every_shard_;
};

TEST_P(ReplayedChain, HoldsWhatItsSegmentsSayOneAfterTheOther) {
  const std::uint64_t epochs = 1 + random_.below(8);
  for (std::uint64_t id = 1; id <= epochs; ++id) {
    write_epoch(id, id == 1);
    Model found;
    std::vector<std::string> every_shard;
    const bool half = random_.chance(0.3);
    const Replay replay{
        .wanted = [&](std::uint32_t group) { return !half || group == kEveryShard || group % 2 == 0; },
        .take = [&](const SegmentFrame& frame, const SegmentHandle& segment) -> Status {
          EXPECT_EQ(frame.kind, SegmentFrame::Kind::kValue);
          if (frame.key_group == kEveryShard) {
            EXPECT_EQ(segment.epoch.id, id);
            every_shard.emplace_back(frame.value);
            return {};
          }
          EXPECT_TRUE(
              found.emplace(Key{frame.state, frame.key_group, std::string{frame.key}}, std::string{frame.value}).second)
              << "given twice";
          return {};
        }};
    const Status read = replay_segments(*store_, manifest_, replay);
    ASSERT_TRUE(read.ok()) << read.to_string();
    Model expected = model_;
    if (half) std::erase_if(expected, [](const auto& each) { return std::get<1>(each.first) % 2 != 0; });
    ASSERT_EQ(found, expected) << "behind epoch " << id;
    EXPECT_EQ(every_shard, every_shard_);
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, ReplayedChain, ::testing::Range<std::uint64_t>(1, 301));

TEST(Replay, EndsWithTheFirstErrorAndNamesTheFile) {
  testing::MemoryFileSystem files;
  auto store = *LocalCheckpointStore::open(files, "state");
  ASSERT_TRUE(store->settle().ok());
  const CheckpointId epoch{1, 1};
  ASSERT_TRUE(store->begin(epoch).ok());
  auto writer = store->create_segment(epoch, 0);
  SegmentChunk chunk{0};
  chunk.put(1, "key", "value");
  ASSERT_TRUE(writer->append(chunk).ok());
  Manifest manifest;
  manifest.stages = {{"stage", "kind", {{0, "a", ""}}, ""}};
  manifest.segments.push_back(*writer->finish({0, 1024}));
  const Replay replay{.take = [](const SegmentFrame&, const SegmentHandle&) -> Status {
    return {ErrorCode::kInvalidData, "not this one"};
  }};
  const Status read = replay_segments(*store, manifest, replay);
  EXPECT_EQ(read.code(), ErrorCode::kInvalidData);
  EXPECT_NE(read.message().find(manifest.segments.front().file.name), std::string::npos) << read.message();
}

TEST(Replay, RefusesWhatItsManifestDoesNotTellOf) {
  testing::MemoryFileSystem files;
  auto store = *LocalCheckpointStore::open(files, "state");
  ASSERT_TRUE(store->settle().ok());
  Manifest manifest;
  for (const std::uint32_t shard : {0U, 1U}) {
    const CheckpointId epoch{shard + 1, 1};
    ASSERT_TRUE(store->begin(epoch).ok());
    auto writer = store->create_segment(epoch, 0);
    SegmentChunk chunk{5};
    chunk.remove(1, "key");
    ASSERT_TRUE(writer->append(chunk).ok());
    manifest.segments.push_back(*writer->finish({shard, 1024}));
    ASSERT_TRUE(store->abort(epoch, AbortedSegments::kKeep).ok());
  }
  const Replay replay{.take = [](const SegmentFrame&, const SegmentHandle&) { return Status{}; }};
  EXPECT_NE(replay_segments(*store, manifest, replay).message().find("of different key groups"), std::string::npos);
  manifest.segments.pop_back();
  const Status unknown = replay_segments(*store, manifest, replay);
  EXPECT_EQ(unknown.code(), ErrorCode::kInvalidData);
  EXPECT_NE(unknown.message().find("it changes state 5, which its manifest does not have"), std::string::npos);
}

}  // namespace
}  // namespace millstream
