// Generator: Nexmark's events by the rules of nexmark/nexmark (GeneratorConfig, model/*), but from a seed: every event
// is a function of (seed, number), so any of them can be made alone and a run repeats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millstream/core/random.hpp"
#include "nexmark/event.hpp"

namespace nexmark {

struct GeneratorOptions {
  std::uint64_t seed = 1;
  double rate = 1'000'000;               ///< events a second of event time
  std::uint64_t out_of_order_group = 1;  ///< so many events come in another order than that of their times; 1 = none
};

/// A value that does not change: any thread.
class Generator {
 public:
  /// Ten seconds before midnight, so that queries about days see two of them.
  static constexpr millstream::Timestamp kBaseTime =
      std::chrono::sys_days{std::chrono::year{2015} / 7 / 15} - std::chrono::seconds{10};
  static constexpr std::int64_t kFirstPersonId = 1000;
  static constexpr std::int64_t kFirstAuctionId = 1000;
  static constexpr std::int64_t kFirstCategoryId = 10;

  explicit Generator(const GeneratorOptions& options = {});

  /// The event that is emitted as number `n`, from 0 on. Of 50 ids one is a person, 3 are auctions and 46 bids.
  [[nodiscard]] Event event(std::uint64_t n) const;
  /// Its event time, without making it.
  [[nodiscard]] millstream::Timestamp time(std::uint64_t n) const { return time_of(adjusted(n)); }
  /// No event from number `n` on is earlier.
  [[nodiscard]] millstream::Timestamp watermark(std::uint64_t n) const {
    return time_of(n / options_.out_of_order_group * options_.out_of_order_group);
  }

 private:
  struct Channel {
    std::string name;
    std::string url;
  };
  [[nodiscard]] std::uint64_t adjusted(std::uint64_t n) const;
  [[nodiscard]] millstream::Timestamp time_of(std::uint64_t adjusted) const;
  [[nodiscard]] Person person(std::int64_t id, std::uint64_t adjusted, millstream::Random random) const;
  [[nodiscard]] Auction auction(std::int64_t id, std::uint64_t adjusted, millstream::Random random) const;
  [[nodiscard]] Bid bid(std::int64_t id, std::uint64_t adjusted, millstream::Random random) const;

  GeneratorOptions options_;
  double microseconds_an_event_;
  std::vector<Channel> channels_;  // the four with a name, then the numbered ones
};

}  // namespace nexmark
