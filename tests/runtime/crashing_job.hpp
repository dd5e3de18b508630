// A whole job under the simulator that is killed again and again, at any step and at any operation of its disk, and
// goes on with another number of shards, also from a savepoint. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::crashing {

struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, value, at))

struct Row {
  std::int64_t sensor = 0;
  std::int64_t sum = 0;
  std::string what;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Row, (), (sensor, sum, what, at))

/// Splits of disordered readings, some at a time.
struct Readings {
  std::uint64_t seed = 0;
  std::uint32_t split_count = 3;
  std::uint64_t count = 200;
  std::uint64_t next = 0;
  SplitContext* context = nullptr;

  std::vector<Split> splits(SourceContext&) const;
  void open(SplitContext& c);
  Poll poll(SourceOutput<Reading>& out);
  [[nodiscard]] Position position() const { return {next, {}}; }
};

/// The lines of all files that readers see, sorted.
std::vector<std::string> lines_seen(testing::MemoryFileSystem& files);

/// What is wrong with what a job gives out that is killed some times; empty where nothing is. What readers of its
/// output see in the end is what a job that was never disturbed gives out, and at no time is there anything twice.
std::string kill_and_compare(std::uint64_t seed);

/// The same for a job that begins from another one's savepoint. `made`: there was one; one that is asked for behind the
/// end of the job is not made.
std::string start_from_savepoint_and_compare(std::uint64_t seed, bool& made);

}  // namespace millstream::crashing
