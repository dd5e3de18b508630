// Runs sources and sinks by hand, as the engine would: lists splits, polls with random room, restarts from positions.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/random.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::testing {

/// A poll of a source that returns Poll or Result<Poll>, and void or Status likewise.
inline Result<Poll> as_result(Poll poll) { return poll; }
inline Result<Poll> as_result(Result<Poll> poll) { return poll; }
inline Result<std::vector<Split>> as_result(std::vector<Split> splits) { return splits; }
inline Result<std::vector<Split>> as_result(Result<std::vector<Split>> splits) { return splits; }

/// One opened split of a source.
template <class T, class S>
class SplitReader {
 public:
  SplitReader(S source, Split split, FileSystem& files, Clock& clock)
      : SplitReader{std::move(source), std::move(split), SourceContext{"source", &files, &clock, 1}} {}
  /// In the run whose splits were listed with `run`.
  SplitReader(S source, Split split, SourceContext run)
      : context_{std::make_unique<SplitContext>(
            std::move(run), std::move(split), 0,
            [this](LogLevel, std::string_view message) { logged.emplace_back(message); }, Waker{})},
        source_{std::move(source)} {
    opened = source_.open(*context_);
  }
  SplitReader(const SplitReader&) = delete;

  /// One poll; its records and bad records are added to `records` and `bad`.
  Result<Poll> poll(std::uint32_t room = 100) {
    Batch<T> batch{room};
    std::vector<DeadLetter> bad_now;
    SourceOutput<T> out{batch, room, bad_now};
    Result<Poll> result = as_result(source_.poll(out));
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      records.push_back(std::move(batch.values()[i]));
      if (batch.times.present()) times.push_back(batch.times.data()[i]);
    }
    bad.insert(bad.end(), bad_now.begin(), bad_now.end());
    return result;
  }
  /// Polls until the split ends, waits or fails.
  Result<Poll> drain(std::uint32_t room = 100) {
    for (;;) {
      Result<Poll> result = poll(room);
      if (!result || result->kind != Poll::Kind::kMore) return result;
    }
  }
  [[nodiscard]] Position position() const { return source_.position(); }
  S& source() { return source_; }

  Status opened;
  std::vector<T> records;
  std::vector<Timestamp> times;
  std::vector<DeadLetter> bad;
  std::vector<std::string> logged;

 private:
  std::unique_ptr<SplitContext> context_;  // outlives the source
  S source_;
};

/// A run of a source: its splits, and in `context` what their readers share.
template <class S>
struct SourceRun {
  explicit SourceRun(const S& source, FileSystem& files = posix_file_system(), Clock& clock = system_clock())
      : SourceRun{source, SourceContext{"source", &files, &clock, 1}} {}
  SourceRun(const S& source, SourceContext listed)
      : context{std::move(listed)}, splits(as_result(source.splits(context))) {}
  SourceContext context;
  Result<std::vector<Split>> splits;
};

template <class S>
Result<std::vector<Split>> list_splits(S source, FileSystem& files = posix_file_system(),
                                       Clock& clock = system_clock()) {
  SourceContext context{"source", &files, &clock, 1};
  return as_result(source.splits(context));
}

/// All records of all splits, in order.
template <class T, class S>
std::vector<T> read_all(const S& source, FileSystem& files = posix_file_system(), Clock& clock = system_clock()) {
  std::vector<T> all;
  Result<std::vector<Split>> splits = list_splits(source, files, clock);
  EXPECT_TRUE(splits) << splits.error().to_string();
  if (!splits) return all;
  for (const Split& split : *splits) {
    SplitReader<T, S> reader{source, split, files, clock};
    EXPECT_TRUE(reader.opened.ok()) << reader.opened.to_string();
    const Result<Poll> end = reader.drain();
    EXPECT_TRUE(end) << end.error().to_string();
    EXPECT_TRUE(reader.bad.empty()) << reader.bad.front().reason;
    all.insert(all.end(), std::make_move_iterator(reader.records.begin()),
               std::make_move_iterator(reader.records.end()));
  }
  return all;
}

/// A split read in many lives: each polls a few times with little room, then is dropped and a new reader goes on at
/// its position.
template <class T, class S>
std::vector<T> read_with_restarts(const S& source, Split split, Random& random, FileSystem& files = posix_file_system(),
                                  Clock& clock = system_clock()) {
  std::vector<T> all;
  for (int life = 0; life < 100000; ++life) {
    SplitReader<T, S> reader{source, split, files, clock};
    EXPECT_TRUE(reader.opened.ok()) << reader.opened.to_string();
    bool done = false;
    // At least until a record comes: what lies before the position may take many polls to skip.
    for (std::uint64_t polls = random.below(4) + 1; (polls > 0 || reader.records.empty()) && !done;
         polls -= polls > 0) {
      const Result<Poll> result = reader.poll(static_cast<std::uint32_t>(random.below(40) + 1));
      EXPECT_TRUE(result) << result.error().to_string();
      if (!result) return all;
      done = result->kind == Poll::Kind::kDone;
    }
    all.insert(all.end(), reader.records.begin(), reader.records.end());
    if (done) return all;
    split.start = reader.position();
  }
  ADD_FAILURE() << "the split does not end";
  return all;
}

inline SinkContext sink_context(FileSystem& files = posix_file_system(), Clock& clock = system_clock(),
                                std::uint32_t shard = 0, std::uint32_t shards = 1) {
  return SinkContext{"sink", shard, shards, files, clock, {}, Waker{}};
}

}  // namespace millstream::inline v0::testing
