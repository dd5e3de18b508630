// Random event streams for the model tests: several splits with disorder, late records, holes that leave windows
// empty, equal timestamps, negative times and the ends of time; and the source that plays them in random portions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/millstream.hpp"

namespace millstream::model {

using namespace std::chrono_literals;

/// `value` is unique in a stream: it says which record this was.
struct Event {
  std::int64_t key = 0;
  std::int64_t value = 0;
  Timestamp at{};
  Duration gap{0};
  friend bool operator==(const Event&, const Event&) = default;
};
BOOST_DESCRIBE_STRUCT(Event, (), (key, value, at, gap))

using Splits = std::vector<std::vector<Event>>;

inline Timestamp us(std::int64_t microseconds) { return Timestamp{Duration{microseconds}}; }

struct StreamShape {
  std::size_t splits = 1;
  std::size_t records = 400;  ///< in all splits together
  std::int64_t keys = 5;
  Timestamp from = us(-3'000);  ///< about where event time starts
  Duration tick{8};             ///< event time that passes between two records of a split
  Duration bound{30};           ///< disorder that the watermarks allow
  double disordered = 0.3;      ///< share of records within the bound
  double late = 0.1;            ///< share of records behind it
  double hole = 0.02;           ///< chance that event time leaps
  Duration hole_length{400};
  Duration grain{1};          ///< all times are multiples of it
  bool ends_of_time = false;  ///< some records at the very beginning and end of time
};

/// What a random test may meet; everything but the number of splits is drawn.
inline StreamShape random_shape(Random& random, std::size_t splits) {
  StreamShape shape;
  shape.splits = splits;
  shape.records = 1 + random.below(random.chance(0.2) ? 2'000 : 500);
  shape.keys = random.between(1, random.chance(0.2) ? 200 : 6);
  shape.from =
      us(random.chance(0.5) ? random.between(-5'000, 0) : random.between(-1'000'000'000'000, 1'000'000'000'000));
  shape.tick = Duration{random.between(0, 20)};
  shape.bound = Duration{random.between(0, 60)};
  shape.disordered = random.chance(0.3) ? 0 : 0.4;
  shape.late = random.chance(0.3) ? 0 : 0.12;
  shape.hole_length = Duration{random.between(1, 1'500)};
  return shape;
}

inline Splits random_stream(Random& random, const StreamShape& shape) {
  Splits splits(shape.splits);
  std::vector<std::int64_t> now(shape.splits, shape.from.time_since_epoch().count());
  const std::int64_t grain = shape.grain.count();
  for (std::size_t n = 0; n < shape.records; ++n) {
    const std::size_t s = random.below(shape.splits);
    // A split may be far ahead of the others, or far behind.
    now[s] += random.between(0, 2 * shape.tick.count());
    if (random.chance(shape.hole)) now[s] += random.between(0, 2 * shape.hole_length.count());
    std::int64_t at = now[s];
    const double kind = random.unit();
    if (kind < shape.disordered) at -= random.between(0, shape.bound.count());
    if (kind > 1 - shape.late) at -= shape.bound.count() + random.between(0, 3 * shape.hole_length.count());
    at = at / grain * grain;
    const std::int64_t key =
        random.chance(0.3) ? 0 : static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shape.keys)));
    splits[s].push_back({key, static_cast<std::int64_t>(n), us(at), Duration{random.between(1, 120)}});
  }
  if (shape.ends_of_time) {
    auto value = static_cast<std::int64_t>(shape.records);
    for (auto& split : splits) {
      std::vector<Event> first;
      for (const Timestamp at : {kTimestampMin, kTimestampMin, kTimestampMin + 1us, kTimestampMin + 70us}) {
        first.push_back({value % shape.keys, value, at, 9us});
        ++value;
      }
      split.insert(split.begin(), first.begin(), first.end());
      for (const Timestamp at : {kTimestampMax - 90us, kTimestampMax - 1us, kTimestampMax, kTimestampMax, us(0)}) {
        split.push_back({value % shape.keys, value, at, 9us});
        ++value;
      }
    }
  }
  return splits;
}

/// Plays the splits. Portions are drawn from the seed, so batches end anywhere; with `pauses` a split also falls silent
/// for some milliseconds of wall clock from time to time.
class EventSource {
 public:
  EventSource(Splits splits, std::uint64_t seed, double pauses = 0)
      : splits_{std::make_shared<const Splits>(std::move(splits))},
        read_{std::make_shared<std::vector<std::size_t>>(splits_->size())},
        seed_{seed},
        pauses_{pauses},
        random_{seed} {}

  /// What has been read of each split, once nobody reads any more.
  [[nodiscard]] Splits read() const {
    Splits all = *splits_;
    for (std::size_t i = 0; i < all.size(); ++i) all[i].resize((*read_)[i]);
    return all;
  }

  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::size_t i = 0; i < splits_->size(); ++i) all.push_back({"part-" + std::to_string(i)});
    return all;
  }
  void open(SplitContext& context) {
    context_ = &context;
    random_ = Random{seed_, context.split_number()};
    whole_ = random_.chance(0.3);
  }
  Poll poll(SourceOutput<Event>& out) {
    const std::vector<Event>& records = (*splits_)[context_->split_number()];
    if (pauses_ > 0 && random_.chance(pauses_)) {
      if (random_.chance(0.5)) return Poll::idle();
      return Poll::idle_until(context_->clock().now() + std::chrono::milliseconds{random_.below(30)});
    }
    std::size_t count = std::min(out.room(), records.size() - next_);
    if (!whole_) count = std::min<std::size_t>(count, random_.below(40));
    out.emit_all({records.data() + next_, count});
    next_ += count;
    (*read_)[context_->split_number()] = next_;
    return next_ < records.size() ? Poll::more() : Poll::done();
  }

 private:
  std::shared_ptr<const Splits> splits_;
  std::shared_ptr<std::vector<std::size_t>> read_;  // each element is written by its split's shard
  std::uint64_t seed_;
  double pauses_;
  Random random_;
  bool whole_ = false;
  SplitContext* context_ = nullptr;
  std::size_t next_ = 0;
};

}  // namespace millstream::model
