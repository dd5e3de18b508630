// What the rows of the cost benchmark work on: records made from a number, so that every run has the same input.
#pragma once

#include <array>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "millstream/core/timestamp.hpp"

namespace cost {

/// The 24-byte record.
struct Event {
  std::uint64_t key;
  std::int64_t value;
  millstream::Timestamp at;
  BOOST_DESCRIBE_CLASS(Event, (), (key, value, at), (), ())
};
static_assert(sizeof(Event) == 24);

/// The 200-byte record.
struct WideEvent {
  std::uint64_t key;
  std::int64_t value;
  std::array<std::uint64_t, 23> payload;
};
static_assert(sizeof(WideEvent) == 200);

template <class T>
using Input = std::shared_ptr<const std::vector<T>>;

/// SplitMix64 (Steele, Lea, Flood 2014) of a counter.
constexpr std::uint64_t random_bits(std::uint64_t n) {
  n = (n + 1) * 0x9e3779b97f4a7c15;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
  n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
  return n ^ (n >> 31);
}

/// How many records, with keys evenly spread over how many, and how much event time passes.
struct EventShape {
  std::size_t records;
  std::uint64_t keys;
  std::int64_t records_a_second;
};

/// Events in the order of their time; values in [0, 1000).
inline Input<Event> make_events(const EventShape& shape) {
  auto events = std::make_shared<std::vector<Event>>();
  events->reserve(shape.records);
  for (std::size_t i = 0; i < shape.records; ++i) {
    const std::uint64_t bits = random_bits(i);
    const auto at = static_cast<std::int64_t>(i) * 1'000'000 / shape.records_a_second;
    events->push_back({(bits >> 32) % shape.keys, static_cast<std::int64_t>((bits & 0xffffffff) % 1000),
                       millstream::Timestamp{millstream::Duration{at}}});
  }
  return events;
}

}  // namespace cost
