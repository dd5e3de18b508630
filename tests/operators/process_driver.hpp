// Drivers of custom operators.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "millstream/operators/process.hpp"
#include "millstream/testing/stage_driver.hpp"

namespace millstream::test {

using testing::DriverOptions;
using testing::StageDriver;

struct Click {
  std::int64_t user = 0;
  std::string page;
};
BOOST_DESCRIBE_STRUCT(Click, (), (user, page))

inline Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }

template <class Op, class KeyOf = std::int64_t Click::*>
std::unique_ptr<OperatorStage> keyed(Op op, KeyOf key_of = &Click::user) {
  return std::make_unique<KeyedProcessStage<std::int64_t, Click, KeyOf, Op>>(std::move(op), key_of, 16);
}
template <class Op>
std::unique_ptr<OperatorStage> plain(Op op) {
  return std::make_unique<ProcessStage<Click, Op>>(std::move(op), 16);
}
/// A driver of a keyed operator, opened.
template <class Out>
struct Keyed : StageDriver<Click, Out> {
  template <class Op>
  explicit Keyed(Op op, DriverOptions options = {}) : StageDriver<Click, Out>{keyed(std::move(op)), options} {
    this->key_by(&Click::user);
    this->open();
  }
};

/// Gives out what is new for its key.
struct Dedupe {
  ValueState<bool> seen;
  void open(OperatorContext& c) { seen = c.value_state<bool>("seen", {.ttl = std::chrono::hours{1}}); }
  void process(const Click& click, Collector<Click>& out) {
    if (!seen.exchange(true)) out.emit(click);
  }
};

}  // namespace millstream::test
