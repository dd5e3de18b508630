// Manifest: the file that makes a checkpoint exist. It names everything that restoring needs, so that a checkpoint is
// its manifest and the files that it names, and nothing else. docs/formats.md has its bytes.
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/checkpoint/segment.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/io/checkpoint_id.hpp"
#include "millstream/io/split_position.hpp"

namespace millstream::inline v0 {

inline constexpr std::uint32_t kManifestVersion = 1;
inline constexpr std::size_t kManifestBytesMax = std::size_t{64} << 20;

/// A state of a stage, keyed or not.
struct StateSchema {
  std::uint32_t number = 0;  ///< what segments call it; unique in the job
  std::string name;          ///< unique in its stage
  std::string schema;        ///< Schema::to_string() of what it holds
  friend bool operator==(const StateSchema&, const StateSchema&) = default;
};
BOOST_DESCRIBE_STRUCT(StateSchema, (), (number, name, schema))

/// A stage of the graph, and what it keeps that belongs to no shard.
struct StageSummary {
  std::string id;  ///< by which a restart finds it again
  std::string kind;
  std::vector<StateSchema> states;
  std::string metadata;  ///< the stage's own bytes
  friend bool operator==(const StageSummary&, const StageSummary&) = default;
};
BOOST_DESCRIBE_STRUCT(StageSummary, (), (id, kind, states, metadata))

/// An image of the cold store. It serves checkpoints from `newest_held` on; replay of segments starts behind
/// `wholly_held`.
struct BaseHandle {
  std::uint64_t newest_held = 0;  ///< the newest epoch of which it could hold a value
  std::uint64_t wholly_held = 0;  ///< the newest epoch of which it holds everything
  std::vector<FileHandle> files;
  friend bool operator==(const BaseHandle&, const BaseHandle&) = default;
};
BOOST_DESCRIBE_STRUCT(BaseHandle, (), (newest_held, wholly_held, files))

/// What a sink has prepared and will commit, or abort, by its own bytes.
struct PreparedHandle {
  /// Id of the stage. Empty in a savepoint, for an identity under which its job's sink decides: there is nothing to be
  /// done with it but to fence it.
  std::string sink;
  std::string handle;
  friend bool operator==(const PreparedHandle&, const PreparedHandle&) = default;
};
BOOST_DESCRIBE_STRUCT(PreparedHandle, (), (sink, handle))

struct Manifest {
  CheckpointId checkpoint;
  CheckpointId parent;  ///< the newest committed checkpoint when this one began; id 0 = none
  std::string job_id;   ///< of the job that may restore it
  std::string job_name;
  Timestamp written_at{};
  std::uint32_t key_groups = kKeyGroups;
  Duration watermark_step{0};
  std::vector<StageSummary> stages;
  std::vector<SplitPosition> positions;
  std::optional<BaseHandle> base;
  std::vector<SegmentHandle> segments;  ///< all since the base, in the order of their replay
  std::vector<PreparedHandle> prepared;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};
BOOST_DESCRIBE_STRUCT(Manifest, (),
                      (checkpoint, parent, job_id, job_name, written_at, key_groups, watermark_step, stages, positions,
                       base, segments, prepared))

/// The bytes of the file.
[[nodiscard]] MILLSTREAM_EXPORT std::string encode_manifest(const Manifest& manifest);
/// `name` is the file's, for errors: kInvalidData for damage, kUnsupported for a later version. Allocates nothing by
/// what the bytes say before their checksum is found right.
[[nodiscard]] MILLSTREAM_EXPORT Result<Manifest> decode_manifest(std::string_view bytes, std::string_view name);
/// One line of JSON for people and tools, with all opaque bytes in hexadecimal.
[[nodiscard]] MILLSTREAM_EXPORT std::string manifest_json(const Manifest& manifest);

}  // namespace millstream::inline v0
