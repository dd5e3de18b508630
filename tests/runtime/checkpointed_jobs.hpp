// Jobs on threads that keep checkpoints in a real folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"

namespace millstream::test {

using namespace std::chrono_literals;

struct Tick {
  std::int64_t key = 0;
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Tick, (), (key, value))
using Sums = memory::Sink<Tick>;

/// Per key the sum of all values, given out for each record.
inline Dataflow sums_of(std::uint64_t count, const Sums& out, const char* name = "sums", double rate = 0) {
  Dataflow flow{"ticks"};
  flow
      .from(generator::source<Tick>(
          {.make = [](std::uint64_t i) { return Tick{static_cast<std::int64_t>(i % 7), static_cast<std::int64_t>(i)}; },
           .count = count,
           .rate = rate}))
      .named("numbers")
      .key_by(&Tick::key)
      .reduce([](const Tick& sum, const Tick& next) { return Tick{sum.key, sum.value + next.value}; })
      .named(name)
      .to(out);
  return flow;
}

struct Quiet : RunOptions {
  explicit Quiet(const std::string& folder, std::uint32_t job_shards = 2) {
    shards = job_shards;
    log = nullptr;
    state_dir = folder;
    checkpoint.interval = 10ms;
  }
};

class CheckpointedJobs : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  [[nodiscard]] std::string state() const { return folder_.path() + "/state"; }
};

}  // namespace millstream::test
