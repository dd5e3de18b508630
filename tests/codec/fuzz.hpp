// What a fuzz target of this folder consists of. libFuzzer drives it when it is built with clang -fsanitize=fuzzer and
// without fuzz_test.cpp; the test suite drives it with fuzz_test.cpp, from fixed seeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

/// Takes any bytes; stops the program where something is wrong.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Good inputs to start from.
std::vector<std::string> fuzz_seeds();

inline void fuzz_check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}
