// The table of keyed state: keys of a batch resolved to entries, then the entries changed, beside the same work on
// boost::unordered_flat_map; 10 thousand keys stay in the cache, 1 million do not.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "cost/event.hpp"
#include "millstream/channel/batch.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"

namespace {

constexpr std::size_t kBatch = 512;
constexpr std::size_t kKeysDrawn = 1 << 20;

std::vector<std::uint64_t> draw_keys(std::uint64_t distinct) {
  std::vector<std::uint64_t> keys(kKeysDrawn);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = cost::random_bits(i) % distinct;
  return keys;
}

void state_table(benchmark::State& state) {
  const std::vector<std::uint64_t> keys = draw_keys(static_cast<std::uint64_t>(state.range(0)));
  millstream::StateTable<std::uint64_t, std::int64_t> table;
  std::vector<std::uint64_t> hashes(kBatch);
  std::vector<std::uint32_t> numbers(kBatch);
  std::size_t at = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t* batch = keys.data() + at;
    at = (at + kBatch) % kKeysDrawn;
    millstream::hash_keys(batch, sizeof(std::uint64_t), kBatch, hashes.data());
    table.resolve(
        hashes, [&](std::size_t i) { return batch[i]; }, [](std::size_t) { return std::int64_t{0}; }, numbers.data());
    for (const std::uint32_t number : numbers) ++table.entry(number).value;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
}
BENCHMARK(state_table)->Name("table/millstream")->Arg(10'000)->Arg(1'000'000);

void flat_map(benchmark::State& state) {
  const std::vector<std::uint64_t> keys = draw_keys(static_cast<std::uint64_t>(state.range(0)));
  struct Hash {
    std::size_t operator()(std::uint64_t key) const noexcept { return millstream::hash_key(key); }
  };
  boost::unordered_flat_map<std::uint64_t, std::int64_t, Hash> map;
  std::size_t at = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) ++map[keys[at + i]];
    at = (at + kBatch) % kKeysDrawn;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
}
BENCHMARK(flat_map)->Name("table/boost_flat_map")->Arg(10'000)->Arg(1'000'000);

}  // namespace
