// A job in miniature that writes files under checkpoints: two shards of a sink, a coordinator that prepares, decides
// and commits, and the model that knows which records readers must see. It may crash at any file operation.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "connectors/file_sinks.hpp"
#include "millstream/core/random.hpp"

namespace millstream::inline v0::testing {

inline SinkContext checkpointed_context(FileSystem& files, Clock& clock, bool restored, std::uint32_t shard = 0,
                                        std::string stage = "out") {
  SinkContext context{std::move(stage), shard, 2, files, clock, {}, Waker{}};
  context.set_checkpoints(true, restored);
  return context;
}

inline bool is_hidden(const std::string& path) { return path.find("/.") != std::string::npos; }

class CheckpointedFiles {
 public:
  CheckpointedFiles(MemoryFileSystem& files, ManualClock& clock, Random& random)
      : files_{files}, clock_{clock}, random_{random} {}

  /// Recovers and opens. False where a fault kept it from that.
  bool start() {
    shards_.clear();
    // The clock may have been set back, or stand still.
    if (random_.chance(0.5)) clock_.advance(std::chrono::microseconds{random_.below(3)});
    const bool restored = !decided_.empty();
    file::Sink<int> prototype = sink();
    SinkContext first = checkpointed_context(files_, clock_, restored);
    if (!prototype.recover(first, decided_, undecided_).ok()) return false;
    committed_ = seen_ = wanted_;
    check();
    for (const std::string& path : files_.files()) {
      EXPECT_FALSE(is_hidden(path) && path != kOthers) << path << " is left over";
    }
    undecided_.clear();
    for (std::uint32_t i = 0; i < kShards; ++i) {
      shards_.push_back(std::make_unique<Shard>(prototype, checkpointed_context(files_, clock_, restored, i)));
      Shard& shard = *shards_.back();
      if (!shard.sink.open(shard.context).ok()) return false;
    }
    open_records_.clear();
    return true;
  }

  /// Records up to a checkpoint, which may fail. False where the job cannot go on.
  bool epoch() {
    if (!write() || !prepare()) return false;
    if (random_.chance(0.2)) return true;  // it failed elsewhere: its output belongs to the next one
    decide();
    if (random_.chance(0.3) && !write()) return false;  // of the next epoch
    return commit();
  }

  /// Goes down in order, or by dropping everything.
  void stop() {
    for (const auto& shard : shards_) {
      if (random_.chance(0.7)) static_cast<void>(shard->sink.close(SinkEnd::kAborted));
    }
    shards_.clear();
    check();
  }

  /// The input ends: behind the final checkpoint there is nothing left to publish.
  bool finish() {
    if (!write() || !prepare()) return false;
    decide();
    if (!commit()) return false;
    for (const auto& shard : shards_) EXPECT_TRUE(shard->sink.close(SinkEnd::kFinished).ok());
    for (const std::string& path : files_.files()) EXPECT_FALSE(is_hidden(path) && path != kOthers) << path;
    return true;
  }

  /// A reader sees whole records, each once: all that were committed, and of those being committed some files.
  void check() {
    std::vector<int> read;
    for (const std::string& path : files_.files()) {
      if (is_hidden(path)) continue;
      const std::string text = files_.read_file(path);
      EXPECT_TRUE(text.ends_with('\n')) << path << " is torn";
      std::istringstream lines{text};
      for (std::string line; std::getline(lines, line);) read.push_back(std::atoi(line.c_str()));
    }
    std::sort(read.begin(), read.end());
    EXPECT_EQ(std::adjacent_find(read.begin(), read.end()), read.end()) << "a record is seen twice";
    EXPECT_TRUE(std::includes(read.begin(), read.end(), committed_.begin(), committed_.end())) << "a record is lost";
    EXPECT_TRUE(std::includes(seen_.begin(), seen_.end(), read.begin(), read.end())) << "a record is seen too early";
  }

  static constexpr const char* kOthers = "a/out/.part-1-0-1.jsonl.inprogress";  // of a sink without checkpoints

 private:
  static constexpr std::uint32_t kShards = 2;
  struct Shard {
    Shard(file::Sink<int> prototype, SinkContext at) : context{std::move(at)}, sink{std::move(prototype)} {}
    SinkContext context;
    file::Sink<int> sink;
    std::string handle;
  };

  static file::Sink<int> sink() {
    return file::sink<int>({.directory = "a/out",
                            .path = [](const int& i) { return i % 4 == 0 ? "" : "d=" + std::to_string(i % 4) + "/x"; },
                            .roll_bytes = 40,
                            .roll_interval = std::chrono::seconds{1},
                            .open_files_max = 2});
  }

  bool write() {
    for (std::uint64_t batches = random_.below(5); batches > 0; --batches) {
      Shard& shard = *shards_[random_.below(kShards)];
      std::vector<int> records = range(next_, next_ + static_cast<int>(random_.below(12)));
      next_ += static_cast<int>(records.size());
      if (random_.chance(0.1)) clock_.advance(std::chrono::seconds{1});
      if (!shard.sink.write(records) || (random_.chance(0.2) && !shard.sink.flush().ok())) return false;
      open_records_.insert(records.begin(), records.end());
      check();
    }
    return true;
  }

  bool prepare() {
    for (const auto& shard : shards_) {
      Result<std::string> handle = shard->sink.prepare();
      check();
      if (!handle) return false;
      shard->handle = *std::move(handle);
      // A checkpoint whose manifest was never written leaves no handle behind.
      if (random_.chance(0.8)) undecided_.push_back(shard->handle);
    }
    return true;
  }

  void decide() {
    if (files_.stopped()) return;
    decided_.clear();
    for (const auto& shard : shards_) {
      decided_.push_back(shard->handle);
      std::erase(undecided_, shard->handle);
    }
    wanted_.insert(open_records_.begin(), open_records_.end());
    open_records_.clear();
    seen_ = wanted_;
  }

  bool commit() {
    if (files_.stopped()) return false;
    for (const auto& shard : shards_) {
      if (!shard->sink.commit(shard->handle).ok()) return false;
      check();
    }
    committed_ = wanted_;
    check();
    return true;
  }

  MemoryFileSystem& files_;
  ManualClock& clock_;
  Random& random_;
  int next_ = 1000;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::string> decided_;    // handles of the newest decided checkpoint
  std::vector<std::string> undecided_;  // of those that came to nothing
  std::set<int> open_records_;          // written by this run and in no decided checkpoint
  std::set<int> wanted_;                // in decided checkpoints
  std::set<int> committed_;             // all of these are visible
  std::set<int> seen_;                  // no others may be
};

}  // namespace millstream::inline v0::testing
