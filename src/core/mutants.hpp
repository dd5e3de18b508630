// Mutants: promises of durable state that a test has the engine break, one at a time, to see that the tests notice. The
// active one comes from the environment (MILLSTREAM_MUTANT=n) or from the test itself. Only builds with
// MILLSTREAM_TEST_SWITCHES have them; in all others mutant_is() is false when the compiler looks, and nothing is left.
#pragma once

#include <string_view>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// Numbers stay as they are: a new one goes to the end, here and in kMutants, and into docs/guarantees.md.
enum class Mutant {
  kNone = 0,
  kAlignmentSkipped = 1,
  kDecidedWithoutAShard = 2,
  kEntryForgotten = 3,
  kPositionAhead = 4,
  kPositionBehind = 5,
  kEndedSplitForgotten = 6,
  kBarrierOvertakesRecords = 7,
  kFailedShardSaves = 8,
  kPublishedAtBarrier = 9,
  kPublishedWhenGivenUp = 10,
  kMarkerBeforeManifest = 11,
  kSegmentNotSynced = 12,
  kRenamedNotSynced = 13,
  kManifestNameNotSynced = 14,
  kDecisionNotSynced = 15,
  kStateFolderNotSynced = 16,
  kIdsNotSynced = 17,
  kIdsForgotten = 18,
  kUndecidedRestored = 19,
  kDecisionNotConfirmed = 20,
  kCommitNotRepeated = 21,
  kUndecidedPublished = 22,
  kLeftoversKept = 23,
  kWatermarkForgotten = 24,
  kTimersForgotten = 25,
  kWrongShardRestores = 26,
  kDecidedRemoved = 27,
  kDamageNotSeen = 28,
  kSavepointNotSynced = 29,
  kOutputNotSynced = 30,
  kOutputNameNotSynced = 31,
  kChangeForgotten = 32,
  kRemovalForgotten = 33,
  kFailedChangesForgotten = 34,
  kChainCut = 35,
  kOlderValueRestored = 36,
  kChangedBeforeSaved = 37,
  kReadBeforeFencing = 38,
  kOlderPositionsDecided = 39,
  kNonceIgnored = 40,
  kUnstableDecisionRead = 41,
  kAbortBehindUnknownCommit = 42,
  kManifestAfterDecision = 43,
  kBufferSkipped = 44,
  kGivenUpDropped = 45,
  kFreshDespiteMarker = 46,
  kPositionsNotCompared = 47,
  kKeptNotNamed = 48,
  kStoreNotTold = 49,
  kToldTwice = 50,
  kLeavesChanged = 51,
  kLeavesUntaken = 52,
  kNotReadBack = 53,
  kLeavesWhileTold = 54,
  kRestoredNotWritten = 55,
  kErasedStays = 56,
  kErasedTold = 57,
  kTimersNotFetched = 58,
  kNotFiredFromStore = 59,
};

struct MutantName {
  Mutant mutant;
  std::string_view what;
};

inline constexpr MutantName kMutants[] = {
    {Mutant::kAlignmentSkipped, "records behind a barrier are taken before it has come on all inputs"},
    {Mutant::kDecidedWithoutAShard, "a checkpoint is decided when one shard's share is missing"},
    {Mutant::kEntryForgotten, "a part of the entries of a state is not saved"},
    {Mutant::kPositionAhead, "a split's position is saved one record too far"},
    {Mutant::kPositionBehind, "a split's position is saved one record too early"},
    {Mutant::kEndedSplitForgotten, "that a split has ended is not saved"},
    {Mutant::kBarrierOvertakesRecords, "a sink prepares before it writes what came before the barrier"},
    {Mutant::kFailedShardSaves, "a shard that has failed at a barrier gives its share all the same"},
    {Mutant::kPublishedAtBarrier, "a sink publishes at the barrier, before the decision"},
    {Mutant::kPublishedWhenGivenUp, "sinks publish what a given up checkpoint held"},
    {Mutant::kMarkerBeforeManifest, "the decision is written before the manifest"},
    {Mutant::kSegmentNotSynced, "segments are not synced"},
    {Mutant::kRenamedNotSynced, "manifest and marker get their names before their bytes are synced"},
    {Mutant::kManifestNameNotSynced, "the folder is not synced between manifest and decision"},
    {Mutant::kDecisionNotSynced, "the folder is not synced behind the decision"},
    {Mutant::kStateFolderNotSynced, "the folders that lead to a new state folder are not synced"},
    {Mutant::kIdsNotSynced, "ids are used before it is on the disk that they are taken"},
    {Mutant::kIdsForgotten, "a restart counts on from the decided id, not from the greatest that was taken"},
    {Mutant::kUndecidedRestored, "state is restored from the newest checkpoint, decided or not"},
    {Mutant::kDecisionNotConfirmed, "recovery acts on a decision without having it on the disk first"},
    {Mutant::kCommitNotRepeated, "recovery does not publish what the decided checkpoint holds"},
    {Mutant::kUndecidedPublished, "recovery publishes the output of undecided checkpoints"},
    {Mutant::kLeftoversKept, "recovery leaves unfinished files"},
    {Mutant::kWatermarkForgotten, "watermarks are not restored"},
    {Mutant::kTimersForgotten, "timers are not restored"},
    {Mutant::kWrongShardRestores, "a shard restores other key groups than those it is given records of"},
    {Mutant::kDecidedRemoved, "retention removes the decided checkpoint"},
    {Mutant::kDamageNotSeen, "checksums of segments are not compared"},
    {Mutant::kSavepointNotSynced, "the folder of a savepoint is not synced"},
    {Mutant::kOutputNotSynced, "prepared output files are not synced"},
    {Mutant::kOutputNameNotSynced, "the folder of prepared output files is not synced"},
    {Mutant::kChangeForgotten, "a part of what has changed is not saved"},
    {Mutant::kRemovalForgotten, "that a key has gone is not saved"},
    {Mutant::kFailedChangesForgotten, "what changed up to a failed checkpoint is in no later one"},
    {Mutant::kChainCut, "a checkpoint of changes does not name those before it"},
    {Mutant::kOlderValueRestored, "an older value of a key takes the place of a newer one"},
    {Mutant::kChangedBeforeSaved, "an entry that a checkpoint asks for changes before it is given out"},
    {Mutant::kReadBeforeFencing, "the decision is read before earlier runs are fenced"},
    {Mutant::kOlderPositionsDecided, "a decision carries the positions of the checkpoint before"},
    {Mutant::kNonceIgnored, "the nonce of a decision is not compared"},
    {Mutant::kUnstableDecisionRead, "a decision is read while a newer one is under way"},
    {Mutant::kAbortBehindUnknownCommit,
     "a transaction is aborted when it is not known whether its commit has come through"},
    {Mutant::kManifestAfterDecision, "the manifest is written behind the decision"},
    {Mutant::kBufferSkipped, "what comes behind a barrier goes into the transaction that it closes"},
    {Mutant::kGivenUpDropped, "the transaction of a given up checkpoint is dropped, and the job goes on"},
    {Mutant::kFreshDespiteMarker, "a job begins anew when its decisions have gone"},
    {Mutant::kPositionsNotCompared, "positions that somebody has set are not noticed"},
    {Mutant::kKeptNotNamed, "a segment that a failed checkpoint has left is not named by the next manifest"},
    {Mutant::kStoreNotTold, "a whole checkpoint is not told of what has left memory"},
    {Mutant::kToldTwice,
     "a whole checkpoint is told of what the cold store has of an entry that it was told of from memory"},
    {Mutant::kLeavesChanged, "an entry leaves memory that has changed since it was given to the cold store"},
    {Mutant::kLeavesUntaken, "entries leave memory before the cold store has them"},
    {Mutant::kNotReadBack, "what has left memory does not come back"},
    {Mutant::kLeavesWhileTold,
     "an entry that a whole checkpoint was told of leaves memory before that has gone by it in the cold store"},
    {Mutant::kRestoredNotWritten, "a restored entry leaves memory without being written to the cold store"},
    {Mutant::kErasedStays, "a key that is erased stays in the cold store"},
    {Mutant::kErasedTold, "a whole checkpoint is told of what the cold store has of a key that was erased"},
    {Mutant::kTimersNotFetched, "timers fire without what their keys have in the cold store"},
    {Mutant::kNotFiredFromStore, "a window fires without what has left memory"},
};

#ifdef MILLSTREAM_TEST_SWITCHES
/// Any thread.
[[nodiscard]] MILLSTREAM_EXPORT bool mutant_is(Mutant mutant) noexcept;
/// From now on this one; while no job runs.
MILLSTREAM_EXPORT void set_mutant(Mutant mutant) noexcept;
#else
[[nodiscard]] constexpr bool mutant_is(Mutant) noexcept { return false; }
#endif

}  // namespace millstream::inline v0
