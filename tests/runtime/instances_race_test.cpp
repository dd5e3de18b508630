// The number of instances changes while an old instance runs, on a file system whose locks do not reach it: the fence
// alone has to hold. The change comes at any operation of the disk of the old one, also between its first look at how
// many instances there are and its fence.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "checkpoint/instance_layout.hpp"
#include "runtime/instances_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using namespace instances;

/// Another machine's view of the disk: locks of state folders are not seen. Something may happen at some operation.
class OtherMachine final : public FileSystem {
 public:
  explicit OtherMachine(FileSystem& files) : files_{files} {}
  /// From now on, at the nth operation, once.
  void at(std::uint64_t nth, std::function<void()> happens) {
    left_ = nth;
    happens_ = std::move(happens);
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return turn().open(path); }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return turn().create(path); }
  Result<std::unique_ptr<WritableFile>> append_to(const std::string& path) override { return turn().append_to(path); }
  Result<FileInfo> info(const std::string& path) override { return turn().info(path); }
  Result<std::vector<std::string>> list(const std::string& folder) override { return turn().list(folder); }
  Status rename(const std::string& from, const std::string& to) override { return turn().rename(from, to); }
  Status remove(const std::string& path) override { return turn().remove(path); }
  Status link(const std::string& from, const std::string& to) override { return turn().link(from, to); }
  Status make_folders(const std::string& path) override { return turn().make_folders(path); }
  Status sync_folder(const std::string& path) override { return turn().sync_folder(path); }
  std::string working_folder() const override { return files_.working_folder(); }
  Status make_private_folder(const std::string& path) override { return turn().make_private_folder(path); }
  Result<std::unique_ptr<WritableFile>> create_private(const std::string& path) override {
    return turn().create_private(path);
  }
  Result<std::unique_ptr<ReadableFile>> open_private(const std::string& path) override {
    return turn().open_private(path);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return turn().lock(path.ends_with("/LOCK") ? path + " of another machine" : path);
  }

 private:
  FileSystem& turn() {
    if (happens_ && left_-- == 0) std::exchange(happens_, nullptr)();
    return files_;
  }

  FileSystem& files_;
  std::uint64_t left_ = 0;
  std::function<void()> happens_;
};

std::function<void(testing::Simulation&)> stop_at(std::uint64_t step) {
  return [step](testing::Simulation& job) {
    if (job.steps() == step) job.stop();
  };
}

// One begins while the other runs, whichever is of the old number.
std::string race_and_compare(std::uint64_t seed) {
  Random random{seed, 0x5241'4345};
  World world{seed};
  const auto any_number = [&] { return 1 + static_cast<std::uint32_t>(random.below(kInstancesMax)); };
  const std::uint32_t before = any_number();
  std::uint32_t behind = any_number();
  if (behind == before) behind = before % kInstancesMax + 1;
  const auto one_of = [&](std::uint32_t instances) {
    return Life{.share = {static_cast<std::uint32_t>(random.below(instances)), instances}, .seed = random()};
  };
  // The file that says how many there are is made under its own lock, which has to reach everybody.
  for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
    Life life = one_of(before);
    life.before_step = stop_at(random.below(200));
    static_cast<void>(world.live(life));
  }
  OtherMachine other{world.files};
  std::string wrong;
  bool both = false;
  const auto new_ones = [&] {
    both = true;
    for (std::uint32_t i = 0; i < behind && wrong.empty(); ++i) {
      const auto result =
          world.simulate({.share = {i, behind}, .seed = random(), .before_step = stop_at(random.below(200))});
      if (!result.ok()) wrong = "a new instance: " + result.status.to_string();
    }
  };
  const auto old_one = [&] {
    const auto layout = parse_instances(world.files.read_file("state/INSTANCES"));
    // It would wait for the change to end.
    if (!layout || layout->changing || layout->generations.back().instances != before) return;
    both = true;
    Life life = one_of(before);
    life.before_step = stop_at(random.below(200));
    static_cast<void>(world.simulate(life));
  };
  const bool old_first = random.chance(0.5);
  Life first = one_of(old_first ? before : behind);
  first.files = &other;
  const std::uint64_t at = random.below(random.chance(0.5) ? 100 : 400);
  if (old_first) {
    other.at(at, new_ones);
  } else {
    other.at(at, old_one);
  }
  const auto result = world.simulate(first);
  if (!wrong.empty()) return wrong;
  if (std::string differs = world.compare(false); !differs.empty()) return "behind both: " + differs;
  if (!result.ok() && !both) return "alone: " + result.status.to_string();
  const std::uint32_t instances = random.chance(0.5) ? behind : any_number();
  for (std::uint32_t i = 0; i < instances; ++i) {
    const auto end = world.live({.share = {i, instances}, .seed = random()});
    if (!end.ok()) return "at last: " + end.status.to_string();
  }
  return world.compare(true);
}

TEST(Instances, AnOldOneThatNoLockHoldsBackIsFenced) {
  test::for_all_seeds("runtime_instances", 400, race_and_compare);
}

}  // namespace
}  // namespace millstream
