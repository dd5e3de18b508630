// A coordinator with two shards in miniature, whose store may fail or crash at any call, and the model that knows what
// the next life must find.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/samples.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/checkpoint/recovery.hpp"
#include "millstream/core/random.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {

class StoreModel {
 public:
  StoreModel(MemoryFileSystem& files, Random& random) : files_{files}, random_{random} {}

  /// Opens the folder, recovers, and checks what it finds. False where a fault kept it from that. `reading_fails`:
  /// wrong bytes may be read, so a halt is right, too.
  bool start(bool reading_fails) {
    store_.reset();
    Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files_, "job/state");
    if (!opened) return false;
    store_ = *std::move(opened);
    const Result<RecoveryPlan> plan = plan_recovery(*store_, {.job_id = std::string{kJob}});
    if (!plan) return false;
    if (plan->kind == RecoveryPlan::Kind::kHalt) {
      EXPECT_TRUE(reading_fails) << plan->facts;
      return false;
    }
    check_plan(*plan);
    if (::testing::Test::HasFailure() || !load(*plan)) return false;
    return store_->settle().ok();
  }

  /// One epoch. False where the life cannot go on without a recovery.
  bool epoch() {
    for (std::uint64_t i = random_.below(20); i > 0; --i) change();
    const CheckpointId checkpoint{store_->next_id() + random_.below(3), random_()};
    if (!store_->begin(checkpoint).ok()) return !files_.stopped();
    EXPECT_TRUE(used_.insert(checkpoint.id).second) << "id " << checkpoint.id << " is used again";
    if (!snapshot(checkpoint)) {
      static_cast<void>(store_->abort(checkpoint, AbortedSegments::kDrop));  // what is left goes later
      drop_sometimes();
      return !files_.stopped();
    }
    Manifest manifest = sample_manifest();
    manifest.checkpoint = checkpoint;
    manifest.parent = parent_;
    manifest.base.reset();
    manifest.segments = chain_;
    manifest.prepared = {{"files", std::to_string(checkpoint.id)}};
    if (!store_->publish(manifest).ok() || random_.chance(0.1)) {
      static_cast<void>(store_->abort(checkpoint, AbortedSegments::kKeep));
      drop_sometimes();
      return !files_.stopped();
    }
    const Decided decided{manifest, shards_};
    const CommitResult result = store_->commit(checkpoint);
    if (result.outcome == CommitResult::Outcome::kInDoubt || files_.stopped()) {
      possible_.push_back(decided);
      static_cast<void>(store_->drop_kept({}));  // as a coordinator does that ends; it does not know more
      return false;
    }
    if (result.outcome == CommitResult::Outcome::kNotCommitted) {
      static_cast<void>(store_->abort(checkpoint, AbortedSegments::kKeep));
      drop_sometimes();
      return true;
    }
    possible_ = {decided};
    committed_chain_ = chain_;
    parent_ = checkpoint;
    if (random_.chance(0.7)) static_cast<void>(store_->collect(1 + random_.below(3)));  // the next one goes on with it
    return !files_.stopped();
  }

  void end() { store_.reset(); }

 private:
  static constexpr std::uint32_t kShards = 2;
  struct Decided {
    std::optional<Manifest> manifest;
    std::vector<Contents> shards = std::vector<Contents>(kShards);
  };

  void change() {
    const auto shard = static_cast<std::uint32_t>(random_.below(kShards));
    const std::string key = "key " + std::to_string(random_.below(40));
    if (random_.chance(0.2)) {
      shards_[shard].erase(key);
      dirty_[shard][key] = std::nullopt;
    } else {
      dirty_[shard][key] = shards_[shard][key] = std::string(random_.below(60), static_cast<char>(random_.below(256)));
    }
  }

  // What failed checkpoints have left: what nobody names, or all of it, and then everything has to be said again.
  void drop_sometimes() {
    const bool full = random_.chance(0.2);
    if (full && chain_ != committed_chain_) {
      chain_ = committed_chain_;
      lost_ = true;
    }
    if (full || random_.chance(0.3)) static_cast<void>(store_->drop_kept(chain_));
  }

  // The dirty entries become segments; or, as if a base had been made, everything does and the chain begins anew.
  bool snapshot(CheckpointId checkpoint) {
    const bool whole = lost_ || random_.chance(0.2);
    std::vector<SegmentHandle> made;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      Entries entries = dirty_[shard];
      if (whole) entries = Entries(shards_[shard].begin(), shards_[shard].end());
      Result<SegmentHandle> segment =
          write_segment(*store_, checkpoint, shard, entries, whole, 64 + random_.below(900));
      if (!segment) return false;
      made.push_back(*std::move(segment));
    }
    if (whole) chain_.clear();
    lost_ = false;
    chain_.insert(chain_.end(), made.begin(), made.end());
    dirty_ = std::vector<Entries>(kShards);
    return true;
  }

  // Exactly one of those that may have been decided, by name and by every byte of its manifest.
  void check_plan(const RecoveryPlan& plan) {
    const Decided* found = nullptr;
    for (const Decided& decided : possible_) {
      if (decided.manifest == plan.restore) found = &decided;
    }
    const std::string got = plan.restore ? plan.restore->checkpoint.to_string() : "none";
    ASSERT_NE(found, nullptr) << "restored " << got << ", which was not the newest decided one";
    const Decided only = *found;
    possible_ = {only};
    for (const PreparedOutput& output : plan.commit) {
      EXPECT_EQ(output.prepared.handle, std::to_string(plan.restore->checkpoint.id));
    }
    EXPECT_EQ(plan.commit.size(), plan.restore ? 1U : 0U);
    for (const PreparedOutput& output : plan.abort) {
      EXPECT_GT(output.checkpoint.id, plan.restore ? plan.restore->checkpoint.id : 0);
    }
    for (const std::uint64_t id : used_) EXPECT_GT(store_->next_id(), id);
  }

  bool load(const RecoveryPlan& plan) {
    shards_ = std::vector<Contents>(kShards);
    dirty_ = std::vector<Entries>(kShards);
    chain_.clear();
    committed_chain_.clear();
    lost_ = false;
    parent_ = {};
    if (!plan.restore) return true;
    parent_ = plan.restore->checkpoint;
    committed_chain_ = chain_ = plan.restore->segments;
    for (const SegmentHandle& segment : chain_) {
      if (!replay(*store_, segment, shards_[segment.shard]).ok()) return false;
    }
    EXPECT_EQ(shards_, possible_.back().shards) << "checkpoint " << parent_.to_string();
    return true;
  }

  MemoryFileSystem& files_;
  Random& random_;
  std::unique_ptr<LocalCheckpointStore> store_;
  std::vector<Contents> shards_ = std::vector<Contents>(kShards);
  std::vector<Entries> dirty_ = std::vector<Entries>(kShards);
  std::vector<SegmentHandle> chain_;
  std::vector<SegmentHandle> committed_chain_;  // of it, what the committed checkpoint names
  bool lost_ = false;                           // something that was given out is in no segment any more
  CheckpointId parent_;
  std::vector<Decided> possible_{Decided{}};  // what the next recovery may find
  std::set<std::uint64_t> used_;
};

}  // namespace millstream::inline v0::testing
