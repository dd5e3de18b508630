// What recovery answers: the decisions of the protocol one by one, and a sweep of damage: each is found, and the halt
// names the newest checkpoint that is whole.
#include "millstream/checkpoint/recovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/samples.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/core/random.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = RecoveryPlan::Kind;

class RecoveryTest : public ::testing::Test {
 protected:
  void open() {
    store_.reset();
    Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files_, "state");
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = *std::move(opened);
  }
  // Opens and settles, as a job that starts does.
  void start() {
    open();
    ASSERT_NE(plan().kind, Kind::kHalt);
    ASSERT_TRUE(store_->settle().ok());
  }
  RecoveryPlan plan(std::optional<std::uint64_t> accept = std::nullopt) {
    const Result<RecoveryPlan> plan =
        plan_recovery(*store_, {.job_id = std::string{kJob}, .accept_checkpoint = accept});
    EXPECT_TRUE(plan) << plan.error().to_string();
    return plan ? *plan : RecoveryPlan{};
  }
  Manifest publish(std::vector<std::string> handles = {}) {
    Manifest manifest = sample_manifest();
    manifest.checkpoint = {store_->next_id(), 1000 + store_->next_id()};
    manifest.parent = parent_;
    manifest.base.reset();
    EXPECT_TRUE(store_->begin(manifest.checkpoint).ok());
    const Result<SegmentHandle> segment =
        write_segment(*store_, manifest.checkpoint, 0, {{"k" + std::to_string(manifest.checkpoint.id), "v"}});
    EXPECT_TRUE(segment);
    chain_.push_back(*segment);
    manifest.segments = chain_;
    manifest.prepared = {{"files", "part " + std::to_string(manifest.checkpoint.id)}};
    manifest.prepared.insert(manifest.prepared.end(), other_handles_.begin(), other_handles_.end());
    for (const std::string& handle : handles) manifest.prepared.push_back({"files", handle});
    EXPECT_TRUE(store_->publish(manifest).ok());
    return manifest;
  }
  Manifest commit() {
    Manifest manifest = publish();
    EXPECT_EQ(store_->commit(manifest.checkpoint).outcome, CommitResult::Outcome::kCommitted);
    parent_ = manifest.checkpoint;
    return manifest;
  }
  static std::string name(std::uint64_t id, std::string_view ending) {
    std::string digits = std::to_string(id);
    return "state/" + std::string(20 - digits.size(), '0') + digits + std::string{ending};
  }

  MemoryFileSystem files_;
  std::unique_ptr<LocalCheckpointStore> store_;
  std::vector<SegmentHandle> chain_;
  CheckpointId parent_;
  std::vector<PreparedHandle> other_handles_;
};

TEST_F(RecoveryTest, AnEmptyFolderIsAFreshStart) {
  open();
  EXPECT_EQ(plan().kind, Kind::kFresh);
  EXPECT_EQ(store_->next_id(), 1U);
}

TEST_F(RecoveryTest, WhatWasNeverDecidedIsAFreshStartToo) {
  start();
  const Manifest manifest = publish();
  open();
  const RecoveryPlan fresh = plan();
  EXPECT_EQ(fresh.kind, Kind::kFresh);
  EXPECT_THAT(fresh.abort, ElementsAre(PreparedOutput{manifest.checkpoint, manifest.prepared[0]}));
  ASSERT_TRUE(store_->settle().ok());
  EXPECT_THAT(*store_->list(), IsEmpty());
  EXPECT_GT(store_->next_id(), manifest.checkpoint.id);
}

TEST_F(RecoveryTest, WhoNamesADecisionThatIsNotHereIsTold) {
  start();
  const Manifest here = commit();
  open();
  for (const CheckpointId named : {CheckpointId{9, 9}, CheckpointId{here.checkpoint.id, 7}}) {
    const Decision decided{Decision::Kind::kDecided, named, {}, "the group of another instance says so"};
    const auto halted = plan_recovery(*store_, decided, {.job_id = std::string{kJob}, .decider = "log"});
    ASSERT_TRUE(halted);
    EXPECT_EQ(halted->kind, Kind::kHalt);
    EXPECT_THAT(halted->facts, AllOf(HasSubstr("the decision names checkpoint " + named.to_string()),
                                     HasSubstr("the group of another instance says so")));
  }
}

// The one that a sink's transaction was to decide: what it has decided is forgotten one day.
TEST_F(RecoveryTest, WhatMayHaveBeenDecidedAndForgottenSinceIsAHalt) {
  start();
  other_handles_ = {{"log", "job-0"}};
  const Manifest manifest = publish();
  open();
  const auto planned = [&](Duration later, std::string decider, std::optional<std::uint64_t> accept = {}) {
    const Decision none{Decision::Kind::kNone, {}, {}, "the groups have none"};
    const Result<RecoveryPlan> plan = plan_recovery(*store_, none,
                                                    {.job_id = std::string{kJob},
                                                     .accept_checkpoint = accept,
                                                     .decider = std::move(decider),
                                                     .now = manifest.written_at + later});
    EXPECT_TRUE(plan) << plan.error().to_string();
    return plan ? *plan : RecoveryPlan{};
  };
  EXPECT_EQ(planned(kDecisionsKeptMin, "log").kind, Kind::kFresh);
  EXPECT_EQ(planned(Duration{-1}, "log").kind, Kind::kFresh);
  EXPECT_EQ(planned(2 * kDecisionsKeptMin, "").kind, Kind::kFresh) << "its marker is in the folder, and stays there";
  EXPECT_EQ(planned(2 * kDecisionsKeptMin, "files").kind, Kind::kHalt);
  const RecoveryPlan halted = planned(2 * kDecisionsKeptMin, "log");
  EXPECT_EQ(halted.kind, Kind::kHalt);
  EXPECT_THAT(halted.facts, AllOf(HasSubstr("checkpoint " + manifest.checkpoint.to_string() + " was written at 2023-"),
                                  HasSubstr("the groups have none"), HasSubstr("nothing was changed"),
                                  HasSubstr("accept_checkpoint = 1 goes on"), HasSubstr("begin with an empty folder")));
  // A damaged one cannot be gone on from.
  const std::string whole = files_.read_file(name(1, "-00000.segment"));
  files_.write_file(name(1, "-00000.segment"), "x");
  EXPECT_THAT(planned(2 * kDecisionsKeptMin, "log").facts,
              AllOf(HasSubstr("no intact checkpoint of this job is here"), Not(HasSubstr("accept_checkpoint"))));
  files_.write_file(name(1, "-00000.segment"), whole);
  EXPECT_EQ(planned(2 * kDecisionsKeptMin, "log", 1).restore, manifest);
}

TEST_F(RecoveryTest, RestoresTheDecidedOneAndSortsTheHandles) {
  start();
  commit();
  const Manifest decided = commit();
  const Manifest undecided = publish({"part 2"});  // the decided one's handle, passed on
  open();
  const RecoveryPlan restore = plan();
  ASSERT_EQ(restore.kind, Kind::kRestore);
  EXPECT_EQ(restore.restore, decided);
  EXPECT_THAT(restore.commit, ElementsAre(PreparedOutput{decided.checkpoint, decided.prepared[0]}));
  EXPECT_THAT(restore.abort, ElementsAre(PreparedOutput{undecided.checkpoint, undecided.prepared[0]}));
  ASSERT_TRUE(store_->settle().ok());
  EXPECT_THAT(*store_->list(), ElementsAre(1, 2));
  EXPECT_EQ(files_.read_file(name(3, "-00000.segment")), "");
}

TEST_F(RecoveryTest, ADecisionFromElsewhereGoesBeforeTheMarker) {
  start();
  commit();
  const Manifest newer = publish();
  open();
  const RecoveryOptions options{.job_id = std::string{kJob}, .decider = "files"};
  const auto decided = [](CheckpointId id) { return Decision{Decision::Kind::kDecided, id, {}, {}}; };
  EXPECT_EQ(plan_recovery(*store_, decided(newer.checkpoint), options)->restore, newer);
  // The decision was confirmed, so now it cannot be the older one or none any more.
  open();
  EXPECT_EQ(plan_recovery(*store_, decided(parent_), options)->kind, Kind::kHalt);
  EXPECT_EQ(plan_recovery(*store_, Decision{}, options)->kind, Kind::kHalt);
  EXPECT_EQ(plan_recovery(*store_, decided({2, 5}), options)->kind, Kind::kHalt);
}

// What the marker decided before the job had a sink that decides.
TEST_F(RecoveryTest, TheMarkerHoldsUntilTheSinkHasDecided) {
  start();
  const Manifest before = commit();
  open();
  const RecoveryOptions options{.job_id = std::string{kJob}, .decider = "log"};
  EXPECT_EQ(plan_recovery(*store_, Decision{}, options)->restore, before);
}

// ... or one that promised less then, which has a handle that names nobody.
TEST_F(RecoveryTest, TheMarkerHoldsUntilTheSinkThatPromisedLessHasDecided) {
  start();
  other_handles_ = {{"log", ""}};
  const Manifest before = commit();
  open();
  const RecoveryOptions options{.job_id = std::string{kJob}, .decider = "log"};
  EXPECT_EQ(plan_recovery(*store_, Decision{}, options)->restore, before);
}

// A sink that has joined a transaction names it as any other does: that there is no decision is a contradiction.
TEST_F(RecoveryTest, OfSinksThatShareATransactionAnyOneSaysThatItDecided) {
  start();
  other_handles_ = {{"log", "transaction"}};
  commit();
  open();
  RecoveryOptions options{.job_id = std::string{kJob}, .decider = "new log"};
  EXPECT_EQ(plan_recovery(*store_, Decision{}, options)->kind, Kind::kRestore) << "it was none of this decider's";
  open();
  options.joined = {"log"};
  const Decision none{Decision::Kind::kNone, {}, {}, "the group 'g' has none"};
  const Result<RecoveryPlan> plan = plan_recovery(*store_, none, options);
  EXPECT_EQ(plan->kind, Kind::kHalt);
  EXPECT_THAT(plan->facts, HasSubstr("the group 'g' has none"));
}

TEST_F(RecoveryTest, HaltsWhereTheDecisionHasAnotherPosition) {
  start();
  const Manifest newest = commit();
  open();
  const RecoveryOptions options{.job_id = std::string{kJob}, .decider = "files"};
  Decision decision{Decision::Kind::kDecided, newest.checkpoint, newest.positions, {}};
  ASSERT_FALSE(decision.positions.empty());
  EXPECT_EQ(plan_recovery(*store_, decision, options)->restore, newest);
  decision.positions.front().position += "1";
  const Result<RecoveryPlan> plan = plan_recovery(*store_, decision, options);
  EXPECT_EQ(plan->kind, Kind::kHalt);
  EXPECT_THAT(plan->facts, HasSubstr("with another position of the split"));
}

TEST_F(RecoveryTest, HaltsWhenTheMarkerIsOlderThanWhatIsHere) {
  start();
  commit();
  const std::string old = files_.read_file("state/COMMITTED");
  commit();
  commit();
  files_.write_file("state/COMMITTED", old);
  open();
  EXPECT_THAT(plan().facts, HasSubstr("was already committed"));
  ASSERT_TRUE(files_.remove("state/COMMITTED").ok());
  open();
  EXPECT_EQ(plan().kind, Kind::kHalt);
}

// What its transaction did not decide is aborted: to go on behind it would lose that.
TEST_F(RecoveryTest, OffersNothingThatTheSinksTransactionMayNotHaveDecided) {
  start();
  commit();
  const Manifest decided = commit();
  const Manifest undecided = publish();
  open();
  const Decision conflict{Decision::Kind::kConflict, {}, {}, "an offset was set"};
  const Result<RecoveryPlan> halt =
      plan_recovery(*store_, conflict, {.job_id = std::string{kJob}, .accept_checkpoint = {}, .decider = "out"});
  ASSERT_TRUE(halt);
  EXPECT_EQ(halt->newest_intact, decided.checkpoint);
  EXPECT_THAT(halt->facts, HasSubstr("accept_checkpoint = 2 "));
  EXPECT_THAT(halt->facts,
              HasSubstr("checkpoint " + undecided.checkpoint.to_string() + " is intact, too, but nothing"));
}

TEST_F(RecoveryTest, HaltsAtTheCheckpointOfAnotherJob) {
  start();
  commit();
  open();
  const Result<RecoveryPlan> other = plan_recovery(*store_, {.job_id = "other"});
  EXPECT_EQ(other->kind, Kind::kHalt);
  EXPECT_THAT(other->facts, HasSubstr("is of the job \"0123456789abcdef\", not of \"other\""));
}

// Whatever happens to any file of the decided checkpoint: it is found, nothing is changed, and the halt names the one
// before it where that is whole.
TEST_F(RecoveryTest, EveryDamageHaltsAndNamesTheNewestIntact) {
  start();
  commit();
  const Manifest older = commit();
  const Manifest newest = commit();
  store_.reset();
  const std::string manifest = name(3, ".manifest");
  const std::string segment = name(3, "-00000.segment");
  const auto expect_halt = [&](const std::string& what, bool shared = false) {
    open();
    const RecoveryPlan halt = plan();
    EXPECT_EQ(halt.kind, Kind::kHalt) << what;
    const std::optional<CheckpointId> intact = shared ? CheckpointId{1, 1001} : older.checkpoint;
    EXPECT_EQ(halt.newest_intact, intact) << what << ": " << halt.facts;
    EXPECT_THAT(halt.facts, HasSubstr("accept_checkpoint = ")) << what;
    store_.reset();
  };
  const auto sweep = [&](const std::string& path, std::size_t step, bool shared = false) {
    const std::string good = files_.read_file(path);
    for (std::size_t at = 0; at < good.size(); at += step) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      files_.write_file(path, bad);
      expect_halt(path + " flipped at " + std::to_string(at), shared);
      files_.write_file(path, good.substr(0, at));
      expect_halt(path + " cut at " + std::to_string(at), shared);
    }
    ASSERT_TRUE(files_.remove(path).ok());
    expect_halt(path + " missing", shared);
    files_.write_file(path, good);
  };
  sweep(manifest, 1);
  sweep(segment, 1);
  sweep(name(2, "-00000.segment"), 7, true);

  const std::string good = files_.read_file(segment);
  files_.write_file(segment, files_.read_file(name(1, "-00000.segment")));
  expect_halt("the segment of another checkpoint");
  files_.write_file(segment, good);
  const std::string right = files_.read_file(manifest);
  files_.write_file(manifest, files_.read_file(name(2, ".manifest")));
  expect_halt("the manifest of another checkpoint");
  files_.write_file(manifest, right);
  open();
  EXPECT_EQ(plan().restore, newest);
}

TEST_F(RecoveryTest, ADamagedMarkerHalts) {
  start();
  commit();
  const Manifest newest = commit();
  const std::string good = files_.read_file("state/COMMITTED");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    for (const std::string& text : {bad, good.substr(0, at)}) {
      files_.write_file("state/COMMITTED", text);
      open();
      const RecoveryPlan halt = plan();
      EXPECT_EQ(halt.kind, Kind::kHalt) << text;
      EXPECT_EQ(halt.newest_intact, newest.checkpoint);
    }
  }
}

TEST_F(RecoveryTest, TakesAnOlderOneOnlyWhenAskedAndOnlyInsteadOfAHalt) {
  start();
  const Manifest older = commit();
  const Manifest newest = commit();
  open();
  EXPECT_EQ(plan(1).restore, newest);  // no reason to halt
  files_.append_file(name(2, ".manifest"), "x");
  open();
  EXPECT_THAT(plan(9).facts, HasSubstr("accept_checkpoint = 9 cannot be taken"));
  EXPECT_EQ(plan(1).restore, older);
  ASSERT_TRUE(store_->settle().ok());
  EXPECT_THAT(*store_->list(), ElementsAre(1));
  EXPECT_GT(store_->next_id(), newest.checkpoint.id);
  open();
  EXPECT_EQ(plan().restore, older);
}

TEST_F(RecoveryTest, AFailureToReadIsAnErrorAndNoHalt) {
  start();
  commit();
  open();
  const std::uint64_t before = files_.operations();
  EXPECT_EQ(plan().kind, Kind::kRestore);
  const std::uint64_t operations = files_.operations() - before;
  for (std::uint64_t nth = 1; nth <= operations; ++nth) {
    open();
    files_.fail_at(nth);
    const Result<RecoveryPlan> failed = plan_recovery(*store_, {.job_id = std::string{kJob}});
    // What tidies up may fail unnoticed.
    if (failed) {
      EXPECT_EQ(failed->kind, Kind::kRestore) << nth;
    } else {
      EXPECT_EQ(failed.error().code(), ErrorCode::kIo) << nth;
    }
  }
}

}  // namespace
}  // namespace millstream::inline v0::testing
