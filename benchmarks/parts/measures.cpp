// What is paid for each record or batch to measure and summarise it: hashes, histograms and sketches.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "cost/event.hpp"
#include "millstream/core/hash.hpp"
#include "millstream/core/histogram.hpp"
#include "millstream/window/distinct_sketch.hpp"
#include "millstream/window/quantile_sketch.hpp"

namespace {

constexpr std::size_t kValues = 1024;

std::vector<std::uint64_t> values() {
  std::vector<std::uint64_t> drawn(kValues);
  for (std::size_t i = 0; i < kValues; ++i) drawn[i] = cost::random_bits(i);
  return drawn;
}
void count_values(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kValues));
}

void hash_column(benchmark::State& state) {
  const std::vector<std::uint64_t> keys = values();
  std::vector<std::uint64_t> hashes(kValues);
  for ([[maybe_unused]] auto _ : state) {
    millstream::hash_column_u64(keys.data(), sizeof(std::uint64_t), kValues, hashes.data());
    benchmark::DoNotOptimize(hashes.data());
  }
  count_values(state);
}
BENCHMARK(hash_column)->Name("hash/column");

void histogram_record(benchmark::State& state) {
  const std::vector<std::uint64_t> drawn = values();
  millstream::LatencyHistogram histogram;
  for ([[maybe_unused]] auto _ : state) {
    for (const std::uint64_t value : drawn) histogram.record(std::chrono::nanoseconds{value % 100'000'000});
  }
  count_values(state);
}
BENCHMARK(histogram_record)->Name("histogram/record");

void quantiles(benchmark::State& state) {
  const std::vector<std::uint64_t> drawn = values();
  millstream::QuantileSketch sketch;
  for ([[maybe_unused]] auto _ : state) {
    for (const std::uint64_t value : drawn) sketch.add(static_cast<double>(value % 1'000'000));
  }
  count_values(state);
}
BENCHMARK(quantiles)->Name("sketch/quantiles");

void distinct(benchmark::State& state) {
  const std::vector<std::uint64_t> drawn = values();
  millstream::DistinctSketch sketch;
  for ([[maybe_unused]] auto _ : state) {
    for (const std::uint64_t value : drawn) sketch.add(value);
  }
  count_values(state);
}
BENCHMARK(distinct)->Name("sketch/distinct");

}  // namespace
