// A user's whole program: reads from memory, aggregates by key on two shards, and checks what comes out.
#include <cstdint>
#include <iostream>
#include <map>
#include <millstream/connectors/memory.hpp>
#include <millstream/stream/dataflow.hpp>
#include <millstream/stream/keyed_stream.hpp>
#include <millstream/window/numeric_aggregates.hpp>
#include <string>
#include <vector>

namespace ms = millstream;

int main() {
  ms::Dataflow flow{"consumer"};
  auto totals = ms::memory::sink<ms::KeyedResult<std::string, std::int64_t>>();
  flow.from(ms::memory::source(std::vector<std::string>{"to", "be", "or", "not", "to", "be", "to"}))
      .key_by([](const std::string& word) { return word; })
      .aggregate(ms::count())
      .to(totals);
  const ms::JobResult result = ms::run(flow, {.shards = 2});

  // A running aggregate gives out each new total, so the last of a word is how often it came.
  std::map<std::string, std::int64_t> counts;
  for (const auto& [word, total] : totals.records()) counts[word] = total;
  const std::map<std::string, std::int64_t> expected{{"be", 2}, {"not", 1}, {"or", 1}, {"to", 3}};
  for (const auto& [word, count] : counts) std::cout << word << ' ' << count << '\n';
  return counts == expected ? result.exit_code() : 1;
}
