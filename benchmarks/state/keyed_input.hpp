// What both sides of a read-modify-write row read: first each key once, which builds the state, then records whose keys
// are spread evenly or by Zipf's law.
#pragma once

#include <boost/describe/class.hpp>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "cost/event.hpp"

namespace state {

struct Reading {
  std::uint64_t key;
  std::int64_t value;
  BOOST_DESCRIBE_CLASS(Reading, (), (key, value), (), ())
};

/// Ranks 0 to n - 1, of which rank r comes 1 / (r + 1)^theta times as often as rank 0 (Gray et al., "Quickly generating
/// billion-record synthetic databases", 1994, as YCSB has it).
class Zipf {
 public:
  Zipf(std::uint64_t n, double theta) : n_{static_cast<double>(n)}, theta_{theta}, alpha_{1 / (1 - theta)} {
    for (std::uint64_t i = 1; i <= n; ++i) zeta_ += std::pow(1 / static_cast<double>(i), theta);
    const double zeta_of_two = 1 + std::pow(0.5, theta);
    eta_ = (1 - std::pow(2 / n_, 1 - theta)) / (1 - zeta_of_two / zeta_);
  }
  /// `u` from 0 to before 1.
  [[nodiscard]] std::uint64_t rank(double u) const {
    const double uz = u * zeta_;
    if (uz < 1) return 0;
    if (uz < 1 + std::pow(0.5, theta_)) return 1;
    return static_cast<std::uint64_t>(n_ * std::pow(eta_ * u - eta_ + 1, alpha_));
  }

 private:
  double n_;
  double theta_;
  double alpha_;
  double zeta_ = 0;
  double eta_ = 0;
};

/// The n-th reading, made ahead as far as that takes time. Copies share it.
class KeyedInput {
 public:
  KeyedInput(std::uint64_t keys, std::uint64_t records, bool zipf) : keys_{keys} {
    auto ranks = std::make_shared<std::vector<std::uint32_t>>();
    ranks->reserve(records);
    const Zipf law{zipf ? keys : 2, 0.99};
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint64_t bits = cost::random_bits(i);
      const double u = static_cast<double>(bits >> 11) * 0x1p-53;
      ranks->push_back(static_cast<std::uint32_t>(zipf ? law.rank(u) : (bits >> 32) % keys));
    }
    ranks_ = std::move(ranks);
  }
  /// Those before it build the state.
  [[nodiscard]] std::uint64_t first() const { return keys_; }
  [[nodiscard]] std::uint64_t end() const { return keys_ + ranks_->size(); }
  [[nodiscard]] Reading operator()(std::uint64_t n) const {
    const std::uint64_t rank = n < keys_ ? n : (*ranks_)[n - keys_];
    // Frequent keys do not lie side by side.
    return {cost::random_bits(rank), static_cast<std::int64_t>(n & 0xff)};
  }

 private:
  std::uint64_t keys_;
  std::shared_ptr<const std::vector<std::uint32_t>> ranks_;
};

}  // namespace state
