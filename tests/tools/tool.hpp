// A state folder with two committed checkpoints, and the tool run on it as a user does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/samples.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/checkpoint/recovery.hpp"
#include "millstream/codec/codec.hpp"

namespace millstream::inline v0::testing {

struct ToolRun {
  int exit_code;
  std::string out;
  std::string errors;
};

template <class T>
std::string bytes_of(const T& value) {
  std::string bytes;
  encode_value(value, bytes);
  return bytes;
}

/// Keeps the folder locked as a running job does, until stop().
class ToolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(posix_file_system(), state());
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = *std::move(opened);
    ASSERT_TRUE(plan_recovery(*store_, {.job_id = std::string{kJob}}));
    ASSERT_TRUE(store_->settle().ok());
    checkpoint({{text("ann"), number(5)}, {text("bob"), number(6)}, {"\xff", number(1)}}, "\x01");
    checkpoint({{text("ann"), number(7)}, {text("bob"), std::nullopt}, {text("cy"), "?"}}, "\x02");
  }

  static std::string text(const std::string& key) { return bytes_of(key); }
  static std::string number(std::int64_t value) { return bytes_of(value); }

  void checkpoint(const Entries& entries, const std::string& position, bool commit = true) {
    Manifest manifest = sample_manifest();
    manifest.checkpoint = {store_->next_id(), 99};
    manifest.parent = parent_;
    manifest.base.reset();
    manifest.stages[1].states[0].schema = "string -> i64";
    manifest.positions[0].position = position;
    ASSERT_TRUE(store_->begin(manifest.checkpoint).ok());
    const Result<SegmentHandle> segment = write_segment(*store_, manifest.checkpoint, 0, entries);
    ASSERT_TRUE(segment) << segment.error().to_string();
    chain_.push_back(*segment);
    manifest.segments = chain_;
    ASSERT_TRUE(store_->publish(manifest).ok());
    if (!commit) return;
    ASSERT_TRUE(store_->commit(manifest.checkpoint).status.ok());
    parent_ = manifest.checkpoint;
  }

  ToolRun run(const std::string& arguments) const {
    const std::string command = std::string{MILLSTREAM_PROGRAM} + " " + arguments + " >" + (folder_ / "out") + " 2>" +
                                (folder_ / "errors") + " </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000, TemporaryFolder::read(folder_ / "out"),
            TemporaryFolder::read(folder_ / "errors")};
  }
  [[nodiscard]] std::string state() const { return folder_ / "state"; }
  [[nodiscard]] std::string file(std::uint64_t id, const std::string& suffix) const {
    const std::string digits = std::to_string(id);
    return "state/" + std::string(20 - digits.size(), '0') + digits + suffix;
  }
  /// Changes one byte in the middle.
  void damage(const std::string& name) const {
    std::string bytes = TemporaryFolder::read(folder_ / name);
    ASSERT_FALSE(bytes.empty()) << name;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
    folder_.write(name, bytes);
  }

  TemporaryFolder folder_;
  std::unique_ptr<LocalCheckpointStore> store_;
  CheckpointId parent_;
  std::vector<SegmentHandle> chain_;
};

}  // namespace millstream::inline v0::testing
