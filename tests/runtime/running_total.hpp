// What a job counts whose output shows each loss: for each payment the sum so far.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>

#include "millstream/millstream.hpp"

namespace millstream::test {

struct Total {
  std::string card;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Total, (), (card, cents))

/// A payment that is lost, doubled or out of order shows in all that follow. Payment has card and cents.
template <class Payment>
struct RunningTotal {
  ValueState<std::int64_t> sum;
  void open(OperatorContext& c) { sum = c.value_state<std::int64_t>("sum"); }
  void process(const Payment& payment, Collector<Total>& out) {
    const std::int64_t now = sum.value_or(0) + payment.cents;
    sum.set(now);
    out.emit({payment.card, now});
  }
};

}  // namespace millstream::test
