// Tumbling and sliding windows that go on from what two instances of the job saved, each at a watermark of its own,
// and whose slices leave memory: cut and restored anywhere, they give what one stage gives that holds them all.
#include <gtest/gtest.h>

#include "millstream/core/key_group.hpp"
#include "operators/slice_stages.hpp"
#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

constexpr std::int64_t kKeys = 12;

/// What one of the old instances saved, and the key groups of its partitions.
struct Part {
  RecordedSnapshot saved;
  KeyGroups groups;
};

Part make_part(const Make& make, std::uint64_t seed, std::uint32_t instance) {
  Part part;
  for (std::uint32_t group = 0; group < kKeyGroups; ++group) part.groups[group] = group % 2 == instance;
  std::mt19937_64 random{2 * seed + instance};
  const auto from_us = -2000 + static_cast<std::int64_t>(random() % 700);
  Shards shards{make, 1, 7, 3, at(1000)};
  for (const Input& input : random_stream({.seed = 10 * seed + instance,
                                           .records = 100,
                                           .keys = kKeys,
                                           .from_us = from_us,
                                           .splits_differ = seed % 2 == 0})) {
    if (part.groups[key_group_of(hash_key(input.event.key))]) shards.push(input, true);
  }
  part.saved = std::move(shards.barrier()[0]);
  return part;
}

void restore(Shards& shards, std::uint32_t count, const std::vector<Part>& parts, bool partly) {
  for (std::uint32_t s = 0; s < count; ++s) {
    Driver& driver = shards[s];
    driver.context().partly_restored = partly;
    for (const Part& part : parts) {
      for (const auto& saved : part.saved.entries()) {
        StateEntry entry{saved.state, saved.key_group, saved.key, saved.value};
        if (saved.key_group == kEveryShard) {
          entry.groups = &part.groups;
        } else if (!part.groups[saved.key_group] || shard_of_group(saved.key_group, count) != s) {
          continue;
        }
        const Status restored = driver.stage().restore(entry);
        ASSERT_TRUE(restored.ok()) << restored.to_string();
      }
    }
    driver.stage().end_restore();
    driver.run();
  }
}

struct Change {
  std::vector<Part> parts;
  std::vector<Input> inputs;  // behind it
  bool partly;                // some partition begins anew
};

/// `cuts` as RunOptions::cuts: none where 0.
Results go_on(const Make& make, const Change& change, std::uint64_t cuts, std::optional<std::size_t> cold_bytes) {
  Results results;
  std::mt19937_64 random{cuts};
  const Shape shape = kShapes[cuts % std::size(kShapes)];
  std::uint32_t count = 1;
  const auto begin = [&] {
    if (cuts != 0) count = 1 + static_cast<std::uint32_t>(random() % 4);
    return std::make_unique<Shards>(make, count, shape.batch, shape.fill, at(1000), nullptr,
                                    cuts == 0 ? std::nullopt : cold_bytes);
  };
  std::unique_ptr<Shards> current = begin();
  restore(*current, count, change.parts, change.partly);
  for (const Input& input : change.inputs) {
    if (cuts != 0 && random() % 10 == 0) static_cast<void>(current->barrier());
    if (cuts != 0 && random() % 40 == 0) {
      const std::vector<RecordedSnapshot> snapshots = current->barrier();
      current->collect(results);
      results.pieces += current->pieces();
      current = begin();
      current->restore(snapshots);
    }
    current->push(input, true);
  }
  current->end(true);
  current->collect(results);
  results.pieces += current->pieces();
  return results;
}

TEST(SliceParts, OfInstancesGiveWhatOneStageGivesThatHoldsThem) {
  std::size_t pieces = 0;
  std::size_t given = 0;
  std::size_t late = 0;
  for (const TimeWindow& window :
       {tumbling(100us), sliding(90us, 30us), sliding(100us, 15us).offset(7us), sliding(400us, 40us)}) {
    for (const WindowOptions& options : slice_options()) {
      for (const std::size_t share : {1, 300, 1200}) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
          SCOPED_TRACE(window.describe() + options.describe() + " share " + std::to_string(share) + " seed " +
                       std::to_string(seed));
          const Make make = sliced(Sorted{}, window, options);
          const Change change{{make_part(make, seed, 0), make_part(make, seed, 1)},
                              random_stream({.seed = 10 * seed + 5,
                                             .records = 200,
                                             .keys = kKeys,
                                             .from_us = -1900,
                                             .disorder_us = seed % 3 == 0 ? 250 : 60,
                                             .splits_differ = seed % 4 != 0}),
                              seed % 4 == 0};
          const Results whole = go_on(make, change, 0, {});
          const Results cut = go_on(make, change, seed, share);
          EXPECT_EQ(cut.count, whole.count);
          EXPECT_EQ(cut.given, whole.given);
          EXPECT_EQ(cut.late, whole.late);
          pieces += cut.pieces;
          given += whole.count;
          for (const auto& [key, lines] : whole.late) late += lines.size();
          if (HasFailure()) return;
        }
      }
    }
  }
  EXPECT_GT(pieces, 1'000U);
  EXPECT_GT(given, 10'000U);
  EXPECT_GT(late, 1'000U);
}

}  // namespace
}  // namespace millstream::test
