// A row that stands beside a loop by hand: both run in turn, and must give the same.
#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "compare/statistics.hpp"
#include "millstream/codec/encode.hpp"

namespace cost {

/// A row of the JSON array.
struct Line {
  std::string name = {};
  std::uint64_t records = 0;
  double seconds = 0;
  double hand_seconds = 0;
  double ratio = 0;
  double ratio_min = 0;
  double ratio_max = 0;
  std::vector<double> ratios = {};  // of each round
  bool equal = true;
  double cpu_ratio = 0;  // for the terminal alone
  BOOST_DESCRIBE_CLASS(Line, (), (name, records, seconds, hand_seconds, ratio, ratio_min, ratio_max, ratios, equal), (),
                       ())
};

/// Medians of interleaved rounds. `engine` and `hand` run once each and say `seconds`, `cpu_seconds` and `digest`.
template <class Engine, class Hand>
Line measure_beside_hand(std::string name, std::uint64_t records, int rounds, Engine&& engine, Hand&& hand) {
  Line line{.name = std::move(name), .records = records};
  // Not timed: brings caches, page tables and the allocator to where they stay.
  line.equal = engine().digest == hand().digest;
  std::vector<double> ours_seconds, hand_seconds, ours_cpu, hand_cpu;
  for (int round = 0; round < rounds; ++round) {
    const auto ours = engine();
    const auto theirs = hand();
    line.equal = line.equal && ours.digest == theirs.digest;
    ours_seconds.push_back(ours.seconds);
    hand_seconds.push_back(theirs.seconds);
    ours_cpu.push_back(ours.cpu_seconds);
    hand_cpu.push_back(theirs.cpu_seconds);
    line.ratios.push_back(theirs.seconds / ours.seconds);
  }
  line.seconds = compare::median_of(std::move(ours_seconds)).value;
  line.hand_seconds = compare::median_of(std::move(hand_seconds)).value;
  line.cpu_ratio = compare::median_of(std::move(hand_cpu)).value / compare::median_of(std::move(ours_cpu)).value;
  line.ratio = line.hand_seconds / line.seconds;
  line.ratio_min = *std::min_element(line.ratios.begin(), line.ratios.end());
  line.ratio_max = *std::max_element(line.ratios.begin(), line.ratios.end());
  return line;
}

/// Throws std::runtime_error where it cannot be written.
inline void write_lines(const std::vector<Line>& lines, const std::string& path) {
  std::string text;
  millstream::encode_json(lines, text);
  std::ofstream file{path};
  if (!(file << text << '\n').flush()) throw std::runtime_error{"cannot write " + path};
}

}  // namespace cost
