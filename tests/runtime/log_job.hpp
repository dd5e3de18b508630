// A job from a log to a log under the simulator, exactly once by the log's transactions, with all that a test may want
// to break: its process, its disk, its broker. Several tests kill it, each in its way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/checkpoint/manifest.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/log_connector.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream::logjob {

inline constexpr const char* kGroup = "totals-group";
inline constexpr const char* kStateDir = "state";
inline constexpr std::uint32_t kPartitions = 3;

/// How the life of a process ends; with none of these it ends by itself.
struct Death {
  std::optional<std::uint64_t> at_step = std::nullopt;
  std::optional<testing::LogPoint> at_point = std::nullopt;
  std::string_view at_kill_point = {};
  std::uint64_t times = 1;  ///< when the point is come to for the nth time
  testing::Crash crash = testing::Crash::kProcess;
};

struct LifeOptions {
  std::uint64_t seed = 1;
  std::uint32_t shards = 2;
  std::uint32_t batch = 1024;
  Death death = {};
  std::function<void(testing::Simulation&)> before_step = nullptr;
  std::function<void(testing::LogPoint)> on_point = nullptr;  ///< under the broker's lock
  CheckpointOptions checkpoint = {.interval = std::chrono::milliseconds{20}, .timeout = std::chrono::seconds{10}};
  std::string from_savepoint = {};
};

/// A broker with input, a disk, and one life of the job after the other.
class World {
 public:
  /// `ends`: nothing comes to the input behind these records, and the job is done with them.
  explicit World(std::uint64_t seed, std::uint64_t records = 100, bool ends = true);

  /// The program as it starts: it knows nothing of earlier lives.
  [[nodiscard]] Dataflow flow();
  testing::SimulationResult live(const LifeOptions& options = {});
  /// The input gets one more partition, with records of keys of its own. Also in the middle of a life: nothing of it is
  /// lost on the way. Nothing happens where the broker is gone.
  void grow();
  /// Nothing runs for so long.
  void stand_still(Duration duration) { now_ += duration; }
  /// The checkpoint that the group's offsets name; 0 = none. What was under way has come to its end by then.
  [[nodiscard]] std::uint64_t decided();
  /// The newest on this disk; of checkpoint 0 where there is none.
  [[nodiscard]] Manifest newest_manifest();
  /// What is wrong with what readers of committed records see now; empty where nothing is. `all`: the job has ended, so
  /// nothing may be missing.
  [[nodiscard]] std::string compare(bool all = true);

  ManualClock clock{Timestamp{Duration{0}}};
  testing::MemoryFileSystem files{clock};
  testing::LogBroker broker;
  testing::LogSinkOptions sink;                 ///< of the next life
  bool with_files = true;                       ///< beside the log there is a sink of files
  bool with_second = false;                     ///< and one more of the log, in the same transaction; for all lives
  std::function<void()> behind_read = nullptr;  ///< called when a life has read the decision
  /// The sources as the decider was told of them when it read the newest decision.
  std::shared_ptr<std::vector<DecisionSource>> told = std::make_shared<std::vector<DecisionSource>>();

 private:
  Random random_;
  Timestamp now_{};
  [[nodiscard]] std::string compare_topic(const std::string& topic,
                                          const std::map<std::string, std::vector<std::string>>& expected, bool all);
  std::map<std::string, std::vector<std::string>> expected_;  // by key, in their order
  std::map<std::string, std::vector<std::string>> payments_;  // likewise, what the second sink is given
};

/// One to some lives that die anywhere, with a broker that does all that brokers do, then one that does not die; what
/// is wrong with what they give out together.
[[nodiscard]] std::string kill_and_compare(std::uint64_t seed);

/// What is wrong where something else than the job's death has happened between two lives: an offset was set, offsets
/// are of another disk's checkpoint or have expired, or a request of the dead life arrives while the next one begins.
[[nodiscard]] std::string interfere_and_compare(std::uint64_t seed);

/// As kill_and_compare(); meanwhile the input gets partitions.
[[nodiscard]] std::string grow_and_compare(std::uint64_t seed);

}  // namespace millstream::logjob
