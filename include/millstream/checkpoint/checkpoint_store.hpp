// CheckpointStore: where checkpoints are kept. It knows files and their order on disk; what is in them belongs to its
// caller. LocalCheckpointStore keeps them in a folder of this machine.
//
// The life of checkpoint c, on the coordinator's thread unless it says otherwise:
//
//   store.begin(c)                     c's id is taken for ever, also if the machine fails now
//   store.create_segment(c, shard)     any thread, any number at once; also still after c was aborted with kKeep
//     writer.append(...) .finish(...)  that shard's writer thread; the bytes are on the disk, their name not yet
//   store.publish(manifest)            c is PREPARED: manifest, segments and all their names are on the disk
//   store.commit(c)                    c is COMMITTED: the local decision. Where another system decides, this comes
//                                      behind its decision and only repeats it
//   (sinks commit, sources are told)
//   store.collect(retained)            older checkpoints and files that nothing names are dropped
//
// or, before the decision, store.abort(c, ...), where kKeep leaves c's segments for the manifests of later checkpoints,
// until store.drop_kept(...). What no later one names by the time that it is committed goes, too. One checkpoint at a
// time is between begin and commit or abort.
//
// A start: plan_recovery (checkpoint/recovery.hpp) reads and confirms the decision; the sinks settle what was prepared;
// store.settle() then drops all that is not of the decided checkpoint and its ancestors. Only then may begin be called.
//
// When a call says that the store is broken, what is on the disk is not known any more (a folder that failed to sync):
// all further writing fails, and the way on is recovery with a store that is opened again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millstream/checkpoint/manifest.hpp"
#include "millstream/checkpoint/segment_reader.hpp"
#include "millstream/checkpoint/segment_writer.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

class SavepointWriter;

/// What an attempt to commit came to.
struct CommitResult {
  enum class Outcome {
    kCommitted,     ///< durable
    kNotCommitted,  ///< it certainly is not, and never will be unless commit is called again
    kInDoubt,       ///< a restart will tell; the store is broken, and neither sinks may commit nor abort
  };
  Outcome outcome = Outcome::kCommitted;
  Status status;  ///< why it is not kCommitted
};

/// What becomes of the segments of an aborted checkpoint.
enum class AbortedSegments {
  kKeep,  ///< a later checkpoint will name them, whose coordinator keeps their changes nowhere else
  kDrop,  ///< nothing needs them; all writers of them are closed
};

/// See the top of this file for thread and order.
class MILLSTREAM_EXPORT CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  /// Larger than every id seen or taken here.
  [[nodiscard]] virtual std::uint64_t next_id() const = 0;
  /// Takes an id, at least next_id() (more where a decider elsewhere has seen more).
  [[nodiscard]] virtual Status begin(CheckpointId checkpoint) = 0;
  [[nodiscard]] virtual Result<SegmentWriter> create_segment(CheckpointId checkpoint, std::uint32_t shard) = 0;
  /// Of the checkpoint that was begun; its parent is the committed one. After an error it is not PREPARED: abort it.
  [[nodiscard]] virtual Status publish(const Manifest& manifest) = 0;
  /// A checkpoint that was published, also in an earlier life. May be repeated, which costs nothing in the same life.
  [[nodiscard]] virtual CommitResult commit(CheckpointId checkpoint) = 0;
  /// Ends the attempt even where it returns an error; what it could not drop now goes at the next collect or settle.
  [[nodiscard]] virtual Status abort(CheckpointId checkpoint, AbortedSegments segments) = 0;
  /// Removes every segment behind the committed checkpoint that neither a published manifest nor `needed` names: what
  /// aborted ones have left, or of them what nobody will name. No segment is being written.
  [[nodiscard]] virtual Status drop_kept(const std::vector<SegmentHandle>& needed) = 0;
  /// Keeps the `retained` newest committed checkpoints, at least 1, and every file that one of them names. Manifests go
  /// first. After an error some of it is left, for the next time.
  [[nodiscard]] virtual Status collect(std::size_t retained) = 0;
  /// Ends a recovery: keeps the committed checkpoint with its ancestors, or nothing when there is none.
  [[nodiscard]] virtual Status settle() = 0;

  /// The local decision; none before the first. kInvalidData where it cannot be read.
  [[nodiscard]] virtual Result<std::optional<CheckpointId>> committed() = 0;
  /// Ids of all that have a manifest, ascending, intact or not, committed or not.
  [[nodiscard]] virtual Result<std::vector<std::uint64_t>> list() = 0;
  /// kNotFound, or kInvalidData where it is not intact. Says nothing of the files that it names: see verify.
  [[nodiscard]] virtual Result<Manifest> manifest(std::uint64_t id) = 0;
  /// Reads every file that the manifest names, to its end.
  [[nodiscard]] virtual Status verify(const Manifest& manifest) = 0;
  [[nodiscard]] virtual Result<SegmentReader> open_segment(const SegmentHandle& segment) = 0;
  /// Gives a savepoint every file that the manifest of a committed checkpoint names. Before the next collect.
  [[nodiscard]] virtual Status save_to(SavepointWriter& savepoint, const Manifest& manifest) = 0;
};

}  // namespace millstream::inline v0
