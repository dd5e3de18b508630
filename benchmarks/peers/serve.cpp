#include "peers/serve.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

namespace peers {
namespace {

using Number = unsigned long long;

void print(const Outcome& outcome) {
  const Number rss = peak_bytes();
  const Number results = outcome.digest.results;
  const Number sum = outcome.digest.sum;
  if (outcome.late) {
    std::printf("latency %.3f %.3f %.3f %.3f %zu %.4f %llu %llu %llu\n", outcome.late->p50, outcome.late->p99,
                outcome.late->p99_9, outcome.late->max, outcome.late->measured, outcome.cores, rss, results, sum);
  } else {
    std::printf("result %.6f %.6f %.6f %llu %llu %llu\n", outcome.seconds, outcome.cpu_seconds,
                outcome.first_result_seconds, rss, results, sum);
  }
  std::fflush(stdout);
}

}  // namespace

std::uint64_t peak_bytes() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

void serve(const Serving& serving) {
  const auto warm = std::chrono::steady_clock::now();
  const auto warmed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - warm).count(); };
  if (serving.warmup_seconds >= 0) {
    do {
      (void)serving.run("");
    } while (warmed() < serving.warmup_seconds);
  }
  std::printf("ready %s %.6f\n", serving.version.c_str(), serving.generate_seconds);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line) && line.starts_with("run");) {
    print(serving.run(line.size() > 4 ? line.substr(4) : ""));
  }
}

}  // namespace peers
