// Kill it and run it again: it goes on where its last checkpoint was, and what it has written is there once.
//   resume DIR        counts to 200 in steps of 10 ms, with a total every 10 numbers; ends at once when it is done
//   kill -9 it at any time and run it again; `cat DIR/out/part-*` shows the totals, `millstream checkpoint list
//   DIR/state` the checkpoint.
#include <cstdint>
#include <cstdio>
#include <millstream/connectors/file.hpp>
#include <millstream/connectors/generator.hpp>
#include <millstream/millstream.hpp>
#include <string>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Number {
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (value))

struct Total {
  std::int64_t numbers = 0;
  std::int64_t sum = 0;
};
BOOST_DESCRIBE_STRUCT(Total, (), (numbers, sum))

/// Its state is in the checkpoint; a plain member would begin at 0 again.
struct RunningTotal {
  ms::ValueState<Total> total;
  void open(ms::OperatorContext& c) { total = c.value_state<Total>("total"); }
  void process(const Number& number, ms::Collector<Total>& out) {
    total.update([&](Total& t) { t = {t.numbers + 1, t.sum + number.value}; });
    if (total.get()->numbers % 10 == 0) out.emit(*total.get());
  }
};

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("Usage: resume DIR\n  DIR holds the state and the output of this job; it is made if it is missing\n",
               stderr);
    return 2;
  }
  const std::string folder = argv[1];
  ms::Dataflow flow{"resume"};
  flow.from(ms::generator::source<Number>(
                {.make = [](std::uint64_t i) { return Number{static_cast<std::int64_t>(i) + 1}; },
                 .count = 200,
                 .rate = 100}))
      .key_by([](const Number&) { return 0; })
      .process(RunningTotal{})
      .named("total")
      .to(ms::file::sink<Total>({.directory = folder + "/out"}));
  return ms::run(flow, {.shards = 1,
                        .state_dir = folder + "/state",
                        .checkpoint = {.interval = 100ms},
                        .restart = {.max_restarts = 5},  // a full disk, say: it goes on by itself
                        .handle_signals = true,
                        .log = ms::stderr_log(ms::LogLevel::kInfo)})
      .exit_code();
}
