// Decider: who decides that a checkpoint's output counts. In most jobs that is a marker in the state folder, which the
// engine renames into place. A sink whose own transaction is the decision (it can commit, but cannot prepare and commit
// later: the last resource of Gray's two-phase commit) brings a decider of its own, and its transaction carries with
// the output the name of the checkpoint and the positions of the sources. A job has one decider: several such sinks
// must be able to share one (join()). io/sink.hpp says how a sink declares it.
//
// The order of calls, never two at a time:
//
//   fence(context)     when a run is built, before anything is read: no earlier run can decide any more
//   read(context)      what was decided. Where that shows that the savepoint which the run begins from is of a job that
//                      decides in the same place, fence() and read() come once more, with the identities of that job
//   admit(context)     the sources have listed what this run reads, and some of it begins at its start, as the
//                      checkpoint that the run goes on from does not know it: may it?
//   then for each checkpoint, on a thread that is there for these calls alone:
//     prepare(draft)   every shard has passed the barrier and given out its state: what the sink was given before it
//                      is sent and acknowledged, and the transaction knows checkpoint and positions. The manifest is
//                      written meanwhile
//     decide(draft)    the manifest is on the disk: commits
//   or give_up()       something else failed before decide(): the transaction stays open, and the next checkpoint's
//                      output and positions go into it, too. Where time ran out, some copies of the sink may not have
//                      come to the barrier yet
//   close()            nobody calls it any more. Not where the run has failed before its first checkpoint could come
//
// Calls wait for other machines, but no longer than about a second each, or some where nothing shorter will do: one
// that has not come to an end by then returns "pending" and is repeated at once with the same arguments, so it must
// have waited. A job that is cancelled waits for the call under way. A call that does not come back for stuck_after(),
// whichever it is, is abandoned with its thread and never followed by another one; unless it is close(), or the job is
// at its end already, the run fails. So a decider owns everything that its calls use.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/checkpoint_id.hpp"
#include "millstream/io/split_position.hpp"

namespace millstream::inline v0 {

/// A source of the job.
struct DecisionSource {
  std::string stage;
  /// What its reads_from() says (io/source.hpp): sources and sinks that say the same are at the same place.
  std::string reads_from;
  /// That checkpoints here name, or in a new state folder the savepoint that the run begins from; sorted.
  std::vector<std::string> splits;
  /// For admit(): those that this run reads and that the checkpoint it goes on from does not name, sorted.
  std::vector<std::string> new_splits = {};
  /// The lowest checkpoint here that names each of `splits`; nothing of those that the savepoint names. One above the
  /// decision was not decided, nor was anything of the split with it.
  std::map<std::string, std::uint64_t> first_named = {};
};

/// What a decider is told when a run begins.
struct DeciderContext {
  std::string job;    ///< a decision of another job is a conflict
  std::string stage;  ///< id of the sink's stage; empty for the marker in the state folder
  /// Handles that prepare() of the sink gave out and that checkpoints here name: earlier runs may have decided under
  /// other identities, and each of these has to be fenced, too.
  std::vector<std::string> participants;
  Clock* clock = nullptr;  ///< never null; the program's, which must outlive abandoned calls, too (the system's does)
  LogHook log;
  std::vector<DecisionSource> sources = {};
  // A transaction is open for about the sum of the two, and longer where a checkpoint is given up.
  std::chrono::nanoseconds checkpoint_interval{0};
  std::chrono::nanoseconds checkpoint_timeout{0};
  /// Checkpoints of this job up to this id were decided before the number of its instances changed, and what they say
  /// is known: where one of them is the newest decision there is none (kNone).
  std::uint64_t settled = 0;
};

/// The newest decision.
struct Decision {
  enum class Kind {
    kNone,      ///< there certainly is none; not only "none was found just now"
    kDecided,   ///< `checkpoint`, with `positions`
    kConflict,  ///< what is there is none of this job's decisions, or several: `facts` say what
  };
  Kind kind = Kind::kNone;
  CheckpointId checkpoint;
  /// Those that the decider keeps; they must be among those of the checkpoint.
  std::vector<SplitPosition> positions;
  /// kConflict: what was found. kNone: where it was looked for, why it may be gone. kDecided: who names it, or empty.
  std::string facts;
};

/// What is to be decided.
struct DecisionDraft {
  CheckpointId checkpoint;
  std::vector<SplitPosition> positions;  ///< of all sources, sorted by source and split
};

/// What a call came to.
struct DecisionStep {
  enum class Outcome {
    kDone,     ///< prepare: it may be decided. decide: it is decided, durably
    kPending,  ///< call again
    kFailed,   ///< it is not decided, and nothing is lost: the job may go on and try the next checkpoint
    kAborted,  ///< it is not decided, and its output is gone: the job has to go back to the decision before
    kInDoubt,  ///< only fence() and read() of another run can tell
  };
  Outcome outcome = Outcome::kDone;
  Status status;  ///< why it is not kDone

  static DecisionStep done() { return {}; }
  static DecisionStep pending() { return {Outcome::kPending, {}}; }
  static DecisionStep failed(Status why) { return {Outcome::kFailed, std::move(why)}; }
  static DecisionStep aborted(Status why) { return {Outcome::kAborted, std::move(why)}; }
  static DecisionStep in_doubt(Status why) { return {Outcome::kInDoubt, std::move(why)}; }
};

/// Made for one run. See the top of this file for thread and order. A decide() that throws counts as kInDoubt, a
/// prepare() or give_up() as kAborted.
class MILLSTREAM_EXPORT Decider {
 public:
  virtual ~Decider() = default;

  /// Another sink of the job decides, too, by `other`, which is of the same class; neither is of a run. Empty: one
  /// transaction can carry the output of both. Else why not, as a clause: the job does not start.
  [[nodiscard]] virtual std::string why_not_joined(const Decider& /*other*/) const {
    return "two transactions cannot be committed as one";
  }
  /// One that fences and reads the decisions of another instance of the job, as it is now with all that have joined;
  /// behind its read() comes close(), and nothing else. Null: it cannot, and the number of instances cannot change.
  [[nodiscard]] virtual std::shared_ptr<Decider> of_instance(std::uint32_t /*instance*/) const { return nullptr; }
  /// In each run before anything else, once for each further sink, where why_not_joined() was empty: from now on this
  /// one decides for that sink as well, whose decide_by() is given it. `other` was made for this run, and only for this
  /// call.
  virtual void join(const Decider& /*other*/) {}
  /// False = pending, but not for ever: an error fails the run, which is tried again if its code says that may heal.
  [[nodiscard]] virtual Result<bool> fence(const DeciderContext& context) = 0;
  /// Nothing = pending. kNone takes a second look, some time after the first.
  [[nodiscard]] virtual Result<std::optional<Decision>> read(const DeciderContext& context) = 0;
  /// Once, behind the last read(), and not where `new_splits` are empty. An error (kInvalidData) where earlier runs of
  /// the job have decided positions of such a split: its state is elsewhere, and its output would come twice. False =
  /// pending.
  [[nodiscard]] virtual Result<bool> admit(const DeciderContext& /*context*/) { return true; }
  [[nodiscard]] virtual DecisionStep prepare(const DecisionDraft& draft) = 0;
  /// Never kFailed where output could be lost by it.
  [[nodiscard]] virtual DecisionStep decide(const DecisionDraft& draft) = 0;
  virtual void give_up() = 0;
  /// Once; what is open and was never asked to be decided is dropped, what may be decided is left alone.
  virtual void close() = 0;
  /// A call that takes so long never comes back. With a limit calls at the begin and the end of a run have threads of
  /// their own.
  [[nodiscard]] virtual std::chrono::nanoseconds stuck_after() const { return std::chrono::nanoseconds::max(); }
  /// Where it decides, for logs and messages: "transactions of the topic 'out'". Also before fence(). Empty = nothing
  /// to say.
  [[nodiscard]] virtual std::string describe() const { return {}; }
};

}  // namespace millstream::inline v0
