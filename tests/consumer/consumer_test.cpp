// A user's own test program: harness and simulator work from the installed package, without a test framework.
#include <cstdint>
#include <iostream>
#include <millstream/connectors/memory.hpp>
#include <millstream/stream/dataflow.hpp>
#include <millstream/testing/operator_harness.hpp>
#include <millstream/testing/simulator.hpp>
#include <string>
#include <vector>

namespace ms = millstream;

int main() {
  ms::testing::OperatorHarness<int, int> harness{
      [](ms::Stream<int> numbers) { return numbers.map([](int n) { return 2 * n; }); }};
  harness.push(21, ms::Timestamp{});
  const bool doubled = harness.output().size() == 1;

  ms::Dataflow flow{"simulated"};
  auto out = ms::memory::sink<int>();
  flow.from(ms::memory::source(std::vector<int>{1, 2, 3})).rebalance().to(out);
  const auto result = ms::testing::Simulator{{.seed = 17, .shards = 2}}.run(flow);
  const bool simulated = result.state == ms::JobState::kFinished && out.size() == 3;

  std::cout << "harness " << doubled << ", simulator " << simulated << '\n';
  return doubled && simulated ? 0 : 1;
}
