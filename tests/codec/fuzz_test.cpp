// Drives the fuzz target that it is linked with: its seeds, damaged in 20,000 ways that are the same on every run.
#include <gtest/gtest.h>

#include "fuzz.hpp"
#include "sample_types.hpp"

namespace {

void run(const std::string& input) {
  // A copy on the heap without a byte to spare, so that a sanitizer sees a read beyond it.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

TEST(Fuzz, DamagedInputsAreReadOrRefused) {
  sample::Random random{11};
  const std::vector<std::string> seeds = fuzz_seeds();
  run("");
  for (const std::string& seed : seeds) run(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string input = seeds[random.below(seeds.size())];
    random.damage(input);
    run(input);
  }
}

}  // namespace
