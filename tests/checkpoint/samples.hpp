// What the tests of checkpoints share: a manifest with something in every field, segments from a map, and back.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"

namespace millstream::inline v0::testing {

using Entries = std::map<std::string, std::optional<std::string>>;  // by key; none = a tombstone
using Contents = std::map<std::string, std::string>;

inline constexpr std::string_view kJob = "0123456789abcdef";

inline Manifest sample_manifest() {
  Manifest manifest;
  manifest.checkpoint = {7, 0x123456789abcdef0};
  manifest.parent = {5, 0xfedcba9876543210};
  manifest.job_id = kJob;
  manifest.job_name = "card-spend";
  manifest.written_at = Timestamp{std::chrono::seconds{1'700'000'000}};
  manifest.watermark_step = std::chrono::minutes{1};
  manifest.stages = {
      {"payments", "source", {}, "w"},
      {"spend", "window", {{0, "panes", "i64"}, {1, "timers", "struct{at: i64}"}}, std::string(3, '\0')}};
  manifest.positions = {{"payments", "0", "\x01\x02", false}, {"payments", "1", "", true}};
  manifest.base = BaseHandle{4, 3, {{"00000000000000000004.base/000012.sst", 9, 8}}};
  manifest.segments = {{{"00000000000000000006-00000.segment", 100, 77}, {6, 66}, 0, {0, 512}},
                       {{"00000000000000000007-00001.segment", 200, 88}, manifest.checkpoint, 1, {512, 1024}}};
  manifest.prepared = {{"files", "part-7"}, {"log", "\xff"}};
  return manifest;
}

/// A segment of one state; `replace` first deletes all that was there.
inline Result<SegmentHandle> write_segment(CheckpointStore& store, CheckpointId checkpoint, std::uint32_t shard,
                                           const Entries& entries, bool replace = false,
                                           std::size_t chunk_bytes_max = 512) {
  Result<SegmentWriter> writer = store.create_segment(checkpoint, shard);
  if (!writer) return writer.error();
  if (Status s = writer->append_metadata("stage", "shard " + std::to_string(shard)); !s.ok()) return s;
  SegmentChunk chunk{shard};
  if (replace) chunk.remove_range(0, "", "\xff");
  for (const auto& [key, value] : entries) {
    if (value) {
      chunk.put(3, key, *value);
    } else {
      chunk.remove(3, key);
    }
    if (chunk.size_bytes() < chunk_bytes_max) continue;
    if (Status s = writer->append(chunk); !s.ok()) return s;
  }
  if (Status s = writer->append(chunk); !s.ok()) return s;
  return writer->finish({0, kKeyGroups});
}

/// What a segment changes in `contents`, which holds the keys of one shard.
inline Status replay(CheckpointStore& store, const SegmentHandle& segment, Contents& contents) {
  Result<SegmentReader> reader = store.open_segment(segment);
  if (!reader) return reader.error();
  SegmentFrame frame;
  for (;;) {
    const Result<bool> more = reader->next(frame);
    if (!more) return more.error();
    if (!*more) return {};
    const std::string key{frame.key};
    switch (frame.kind) {
      case SegmentFrame::Kind::kValue:
        contents[key] = frame.value;
        break;
      case SegmentFrame::Kind::kTombstone:
        contents.erase(key);
        break;
      case SegmentFrame::Kind::kRange:
        contents.erase(contents.lower_bound(key), contents.lower_bound(std::string{frame.value}));
        break;
      case SegmentFrame::Kind::kMetadata:
        EXPECT_EQ(frame.value, "shard " + std::to_string(segment.shard));
        break;
    }
  }
}

}  // namespace millstream::inline v0::testing
