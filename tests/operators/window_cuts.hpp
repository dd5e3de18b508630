// What is asked of every window stage that is cut at barriers and goes on, restored, on other numbers of shards: it
// gives exactly what one shard gives that is never interrupted, and takes no bytes that it has not saved.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>

#include "operators/window_shards.hpp"

namespace millstream::test {

struct RunOptions {
  std::vector<Input> inputs{};
  bool timed = true;
  bool drain = true;
  bool by_clock = false;  // the wall clock moves with the input
  bool each_mark = false;
  std::uint64_t cuts = 0;                   // seed of places and numbers of shards; 0 = none
  std::optional<std::size_t> cold_bytes{};  // that a table may hold in memory, where it is cut
};

// The cuts differ from seed to seed; the clock moves by the input alone.
inline Results run(const Make& make, const RunOptions& o) {
  Results results;
  std::mt19937_64 random{o.cuts};
  const auto shards = [&] { return o.cuts == 0 ? 1U : 1U + static_cast<std::uint32_t>(random() % 4); };
  const Shape shape = kShapes[o.cuts % std::size(kShapes)];
  Timestamp now = at(1000);
  const auto begin = [&] {
    return std::make_unique<Shards>(make, shards(), shape.batch, shape.fill, now, nullptr,
                                    o.cuts == 0 ? std::nullopt : o.cold_bytes);
  };
  std::unique_ptr<Shards> current = begin();
  for (std::size_t i = 0; i < o.inputs.size(); ++i) {
    // Barriers at which nothing is cut, so that the last one says what has changed since.
    if (o.cuts != 0 && random() % 10 == 0) static_cast<void>(current->barrier());
    if (o.cuts != 0 && random() % 40 == 0) {
      current->begin_barrier();
      current->collect(results, o.each_mark);
      // What the stage still does changes nothing of what it said.
      const std::size_t behind = std::min<std::size_t>(o.inputs.size(), i + random() % 20);
      for (std::size_t more = i; more < behind; ++more) current->push(o.inputs[more], o.timed, o.each_mark);
      const std::vector<RecordedSnapshot> snapshots = current->end_barrier();
      results.pieces += current->pieces();
      current = begin();
      current->restore(snapshots);
    }
    current->push(o.inputs[i], o.timed, o.each_mark);
    if (o.by_clock && o.inputs[i].event.value % 3 == 0) {
      const Duration by{7 * (o.inputs[i].event.value % 8)};
      now += by;
      current->advance(by);
    }
  }
  current->end(o.drain);
  current->collect(results, o.each_mark);
  results.pieces += current->pieces();
  return results;
}

inline Lines at_key(const std::map<std::int64_t, Lines>& all, std::int64_t key) {
  const auto found = all.find(key);
  return found == all.end() ? Lines{} : found->second;
}

/// Cuts the same input by `seed` and not at all; how many results there were. `pieces` grows by what has gone to cold
/// stores.
inline std::size_t expect_same(const Make& make, RunOptions o, std::uint64_t seed, std::size_t* pieces = nullptr) {
  o.cuts = 0;
  const Results whole = run(make, o);
  o.cuts = seed;
  const Results cut = run(make, o);
  for (const auto& [key, lines] : whole.given) EXPECT_EQ(at_key(cut.given, key), lines);
  EXPECT_EQ(cut.count, whole.count);
  EXPECT_EQ(cut.late, whole.late);
  EXPECT_EQ(cut.behind, whole.behind);
  if (pieces != nullptr) *pieces += cut.pieces;
  return whole.count;
}
/// With and without lateness, discarding, early results.
inline std::vector<WindowOptions> frame_options() {
  std::vector<WindowOptions> all;
  for (const Duration lateness : {0us, 45us}) {
    for (const bool discarding : {false, true}) {
      for (const Trigger& trigger : {Trigger{}, early_every(3), early_interval_event(40us)}) {
        all.push_back({.allowed_lateness = lateness, .discarding = discarding, .trigger = trigger});
      }
    }
  }
  all.push_back(
      {.allowed_lateness = 20us, .trigger = early_every(2).early_interval_event(30us), .late_by_merged = true});
  return all;
}
inline void expect_same_for_seeds(const Make& make, RunOptions o, std::uint64_t seeds, StreamOptions stream = {}) {
  stream.records = 150;
  stream.keys = 9;
  std::size_t given = 0;
  std::size_t pieces = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    stream.seed = seed;
    stream.splits_differ = seed % 4 != 0;
    o.inputs = random_stream(stream);
    o.drain = seed % 3 != 0;
    o.each_mark = seed % 2 != 0;
    given += expect_same(make, o, seed, &pieces);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(given, 10 * seeds);  // else it proves little
  EXPECT_EQ(pieces > 0, o.cold_bytes.has_value());
}

inline Input record(std::int64_t key, std::int64_t value, std::int64_t time, std::int64_t watermark) {
  return {{key, value}, at(time), {at(watermark), at(watermark)}};
}

struct SaveAtOnce final : BarrierListener {
  void reached(Stage& stage) override {
    stage.save(snapshot);
    snapshot.finish();
  }
  RecordedSnapshot snapshot;
};

/// Every entry of a stage's snapshot is taken as it is and refused where something of it is wrong.
inline void expect_wrong_bytes_refused(const Make& make) {
  std::mt19937_64 random{7};
  Shards before{make, 1, 8, 8, at(0)};
  for (const Input& input : random_stream({.seed = 3, .records = 60})) before.push(input, true);
  const RecordedSnapshot snapshot = before.barrier()[0];
  const auto names = before[0].stage().states();
  const auto unknown = static_cast<std::uint32_t>(names.size());
  ASSERT_GT(snapshot.entries().size(), 3U);
  const auto restore = [&](std::initializer_list<RecordedSnapshot::Entry> entries) {
    Shards after{make, 1, 8, 8, at(0)};
    Status status;
    for (const auto& e : entries) {
      if (status.ok()) status = after[0].stage().restore({e.state, e.key_group, e.key, e.value});
    }
    if (status.ok()) {
      after[0].stage().end_restore();
      after.end(true);
    }
    return status;
  };
  const auto refused = [&](std::initializer_list<RecordedSnapshot::Entry> entries) {
    const Status status = restore(entries);
    EXPECT_EQ(status.code(), ErrorCode::kInvalidData);
    EXPECT_NE(status.message().find("spend"), std::string::npos) << status.message();
    const std::uint32_t state = entries.begin()->state;
    const std::string name = state < names.size() ? names[state].name : "number " + std::to_string(state);
    EXPECT_NE(status.message().find("state " + name), std::string::npos) << status.message();
  };
  for (const auto& entry : snapshot.entries()) {
    EXPECT_TRUE(restore({entry}).ok());
    if (entry.state != 0) refused({entry, entry});
    for (auto [state, group] : {std::pair{unknown, entry.key_group}, {entry.state, (entry.key_group + 1) % 1025}}) {
      refused({{state, group, entry.key, entry.value}});
    }
    for (std::size_t n = 0; n < entry.value.size(); ++n) {
      refused({{entry.state, entry.key_group, entry.key, entry.value.substr(0, n)}});
    }
    for (std::size_t n = 0; n < entry.key.size(); ++n) {
      refused({{entry.state, entry.key_group, entry.key.substr(0, n), entry.value}});
    }
    refused({{entry.state, entry.key_group, entry.key, entry.value + '\0'}});
    refused({{entry.state, entry.key_group, entry.key + '\0', entry.value}});
    for (int n = 0; n < 200; ++n) {  // taken or refused, but never a crash
      auto wrong = entry;
      std::string& bytes = n % 4 == 0 ? wrong.key : wrong.value;
      bytes[random() % bytes.size()] = static_cast<char>(random());
      const Status status = restore({wrong});
      EXPECT_TRUE(status.ok() || status.code() == ErrorCode::kInvalidData);
    }
  }
}

}  // namespace millstream::test
