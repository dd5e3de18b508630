// The seeds that a test goes through: MILLSTREAM_SEEDS says how many, MILLSTREAM_SEED runs one alone.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

namespace millstream::test {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
};
inline Seeds seeds_to_run(std::uint64_t otherwise) {
  const auto environment = [](const char* name, std::uint64_t unset) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : unset;
  };
  const bool alone = std::getenv("MILLSTREAM_SEED") != nullptr;
  return {environment("MILLSTREAM_SEED", 1), alone ? 1 : environment("MILLSTREAM_SEEDS", otherwise)};
}

/// compare(seed) says what is wrong, nothing where all is right. `program` is what the reader of a failure runs again.
template <class Compare>
void for_all_seeds(const char* program, std::uint64_t otherwise, Compare compare) {
  const auto [first, count] = seeds_to_run(otherwise);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    ASSERT_EQ(compare(seed), "") << "MILLSTREAM_SEED=" << seed << " " << program << " shows it again";
  }
}

}  // namespace millstream::test
