// What run.sh talks to: README.md says how. Shared by the programs here.
#pragma once

#include <functional>
#include <string>

#include "peers/work.hpp"

namespace peers {

struct Serving {
  std::string version;          // "-" where there is none
  double generate_seconds = 0;  // that making the input took
  double warmup_seconds = 0;    // of runs that do not count: at least one, or none where it is negative
  /// Does the work once. Gets what stands behind `run` in the line that asked for it.
  std::function<Outcome(const std::string& arguments)> run;
};

/// Until the standard input ends or has something else than `run`.
void serve(const Serving& serving);

/// The most that this process has had in memory.
[[nodiscard]] std::uint64_t peak_bytes();

}  // namespace peers
