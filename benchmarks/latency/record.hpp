// The record of the latency benchmark, and what each pipeline must come to, by a plain loop.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <vector>

#include "cost/digest.hpp"
#include "cost/event.hpp"
#include "latency/settings.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/testing/open_loop.hpp"

namespace latency {

using cost::Digest;

struct Record {
  std::uint64_t key = 0;
  std::int64_t value = 0;
  millstream::Timestamp at{};
  std::int64_t due_ns = 0;
  std::int64_t made_ns = 0;      // 0: it is no sample
  std::int64_t received_ns = 0;  // of a sample: when the operator's function got it
  BOOST_DESCRIBE_CLASS(Record, (), (key, value, at, due_ns, made_ns, received_ns), (), ())
};

inline constexpr std::uint64_t kKeys = 10'000;
inline constexpr std::chrono::milliseconds kWindow{100};

/// The operator of `map` and `exchange`.
constexpr std::int64_t mapped(std::int64_t value) { return value * 3 + 1; }

/// Makes record i of a pipeline.
class Maker {
 public:
  explicit Maker(const Settings& settings) {
    // Every key of the exchange belongs to another shard than the first, which reads: each record crosses.
    const bool all = settings.pipeline != Pipeline::kExchange;
    for (std::uint64_t key = 0; keys_.size() < kKeys; ++key) {
      if (all || millstream::shard_of(millstream::hash_key(key), settings.shards) != 0) keys_.push_back(key);
    }
    counts_ = settings.pipeline == Pipeline::kKeyed;
  }
  [[nodiscard]] Record make(std::uint64_t number) const {
    const std::uint64_t bits = cost::random_bits(number);
    // A running sum of ones depends on the order of a key's records no more than its count does.
    const std::int64_t value = counts_ ? 1 : static_cast<std::int64_t>((bits & 0xffffffff) % 1000);
    return {.key = keys_[(bits >> 32) % keys_.size()], .value = value};
  }

 private:
  std::vector<std::uint64_t> keys_;
  bool counts_ = false;
};

/// What the sinks of all shards must come to when `records` were sent.
[[nodiscard]] Digest expected(const Settings& settings, const Maker& maker, std::uint64_t records,
                              const millstream::testing::ArrivalSchedule& schedule);

}  // namespace latency
