// Stages of session, count and triggered windows on any number of shards, each with its driver, that may be cut at a
// barrier and restored; and what came out of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/operators/count_window.hpp"
#include "millstream/operators/session_window.hpp"
#include "millstream/operators/triggered_window.hpp"
#include "operators/window_model.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {

inline auto collect_values() { return bind_aggregate<Event>(collect(&Event::value)); }
using Agg = decltype(collect_values());
using Key = std::int64_t Event::*;
using Driver = testing::StageDriver<Event, Out>;
using testing::RecordedSnapshot;
using Make = std::function<std::unique_ptr<OperatorStage>(std::uint32_t fill)>;

struct OwnGap {
  Duration operator()(const Event& e) const { return Duration{5 + 11 * (e.value % 4)}; }
};

template <class Spec>
Make sessions(Spec spec, WindowOptions options) {
  return [=](std::uint32_t fill) {
    return std::make_unique<SessionWindowStage<std::int64_t, Event, Agg, Key, Spec>>(&Event::key, collect_values(),
                                                                                     spec, options, fill);
  };
}
inline Make counts(std::uint64_t size, std::uint64_t slide) {
  return [=](std::uint32_t fill) -> std::unique_ptr<OperatorStage> {
    const CountWindow window = count_window(size, slide);
    if (size == slide) {
      return std::make_unique<CountWindowStage<std::int64_t, Event, Agg, Key, false>>(&Event::key, collect_values(),
                                                                                      window, fill);
    }
    return std::make_unique<CountWindowStage<std::int64_t, Event, Agg, Key, true>>(&Event::key, collect_values(),
                                                                                   window, fill);
  };
}
inline Make triggered(std::optional<TimeWindow> window, WindowOptions options, bool by_clock = false,
                      std::shared_ptr<Silence> silence = nullptr) {
  return [=](std::uint32_t fill) {
    std::optional<SliceGrid> grid;
    if (window) grid = *SliceGrid::make(*window);
    return std::make_unique<TriggeredWindowStage<std::int64_t, Event, Agg, Key>>(&Event::key, collect_values(), grid,
                                                                                 options, fill, by_clock, silence);
  };
}

using Lines = std::vector<std::string>;
// What came out, in order for each key.
struct Results {
  std::map<std::int64_t, Lines> given;
  std::map<std::int64_t, Lines> late;
  std::uint64_t behind = 0;
  std::size_t count = 0;
  std::size_t pieces = 0;  // that have gone to cold stores
};

// A cold store of one shard. What is given to it is taken at once, and what is asked for has come when the shard looks.
class AnsweringTier {
 public:
  explicit AnsweringTier(std::size_t table_bytes)
      : store_{*world_.open({.folder = world_.path("cold"), .columns = {"c"}})},
        tier_{*store_, table_bytes, [this] { world_.merge(*store_); }} {}
  ColdTier& tier() { return tier_; }
  [[nodiscard]] std::size_t pieces() const { return tier_.pieces; }
  // What is given from here on is not there when it is asked for.
  void lose() { tier_.loses = true; }

 private:
  struct Answering final : Tier {
    Answering(ColdStore& store, std::size_t table_bytes, std::function<void()> merge)
        : Tier{store, table_bytes}, merge_{std::move(merge)} {}
    ColdMailbox& mailbox() override {
      while (readers.step(random_)) {
      }
      return Tier::mailbox();
    }
    std::uint64_t give(ColdChanges piece) override {
      const std::uint64_t number = Tier::give(loses ? ColdChanges{} : std::move(piece));
      EXPECT_TRUE(take_one());
      if (++pieces % 8 == 0) merge_();
      return number;
    }
    std::size_t pieces = 0;
    bool loses = false;

   private:
    std::function<void()> merge_;
    Random random_{1};
  };
  OrderedWorld world_;
  std::unique_ptr<ColdStore> store_;
  Answering tier_;
};

// The shards of one run of a stage between two restarts.
class Shards {
 public:
  Shards(const Make& make, std::uint32_t shards, std::uint32_t batch, std::uint32_t fill, Timestamp now,
         std::shared_ptr<MemoryBudget> memory = nullptr, std::optional<std::size_t> cold_bytes = {}) {
    for (std::uint32_t s = 0; s < shards; ++s) {
      drivers_.push_back(std::make_unique<Driver>(
          make(fill),
          DriverOptions{.batch_records = batch, .shard = s, .shards = shards, .name = "spend", .now = now}));
      Driver& driver = *drivers_.back();
      driver.context().memory = memory;
      if (cold_bytes) {
        tiers_.push_back(std::make_unique<AnsweringTier>(*cold_bytes));
        driver.context().cold = &tiers_.back()->tier();
        driver.context().barrier = ~std::uint64_t{0};  // one always comes, so nothing waits for it
      }
      driver.key_by(&Event::key);
      late_.push_back(&driver.side(late_records<Event>));
      driver.open();
    }
  }
  using DriverOptions = testing::DriverOptions;

  void restore(const std::vector<RecordedSnapshot>& snapshots) {
    for (auto& driver : drivers_) {
      const Status s = driver->restore(snapshots);
      ASSERT_TRUE(s.ok()) << s.to_string();
      driver->run();
    }
  }
  [[nodiscard]] std::vector<RecordedSnapshot> barrier() {
    std::vector<RecordedSnapshot> snapshots;
    for (auto& driver : drivers_) snapshots.push_back(driver->barrier());
    return snapshots;
  }
  void begin_barrier() {
    for (auto& driver : drivers_) driver->begin_barrier();
  }
  [[nodiscard]] std::vector<RecordedSnapshot> end_barrier() {
    std::vector<RecordedSnapshot> snapshots;
    for (auto& driver : drivers_) snapshots.push_back(driver->end_barrier());
    return snapshots;
  }
  void push(const Input& input, bool timed, bool each_mark = false) {
    for (auto& driver : drivers_) {
      driver->watermark(input.before);
      if (each_mark) driver->flush();
    }
    const auto owner = shard_of(hash_key(input.event.key), static_cast<std::uint32_t>(drivers_.size()));
    drivers_[owner]->push(input.event, timed ? std::optional{input.time} : std::nullopt);
  }
  void advance(Duration by) {
    for (auto& driver : drivers_) driver->flush();
    for (auto& driver : drivers_) driver->advance(by);
  }
  void end(bool drain) {
    for (auto& driver : drivers_) drain ? driver->drain() : driver->end();
  }
  // Marks without a record between them come as one, so where records are spread the last mark before a result is
  // another one; each_mark keeps them apart.
  void collect(Results& to, bool each_mark = false) {
    for (std::size_t s = 0; s < drivers_.size(); ++s) {
      EXPECT_TRUE(drivers_[s]->context().failure().ok()) << drivers_[s]->context().failure().to_string();
      for (Given g : drivers_[s]->output().records()) {
        if (!each_mark) g.at = {};
        to.given[g.value.key].push_back(text(g));
        ++to.count;
      }
      for (const LateGiven& l : late_[s]->values()) {
        to.late[l.record.key].push_back(std::to_string(l.record.value) + " by " + std::to_string(l.late_by.count()));
      }
      to.behind += drivers_[s]->metrics().late.read();
    }
  }
  [[nodiscard]] Driver& operator[](std::size_t s) { return *drivers_[s]; }
  [[nodiscard]] AnsweringTier& tier(std::size_t s) { return *tiers_[s]; }
  // That have been given to cold stores.
  [[nodiscard]] std::size_t pieces() const {
    std::size_t sum = 0;
    for (const auto& tier : tiers_) sum += tier->pieces();
    return sum;
  }

 private:
  std::vector<std::unique_ptr<AnsweringTier>> tiers_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::vector<testing::Recorder<LateGiven>*> late_;
};

}  // namespace millstream::test
