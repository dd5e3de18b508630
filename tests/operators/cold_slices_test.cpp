// SliceWindowStage whose slices leave memory: what it does while it waits for room and for the store.
#include <gtest/gtest.h>

#include "millstream/operators/slice_window.hpp"
#include "millstream/window/window.hpp"
#include "operators/window_model.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

constexpr std::int64_t kKeys = 100;

/// Cannot read from some time on.
class BreakingStore final : public ColdStore {
 public:
  explicit BreakingStore(ColdStore& whole) : whole_{whole} {}
  Status room() override { return whole_.room(); }
  Status ingest(const ColdRound& round) override { return whole_.ingest(round); }
  Result<std::vector<ColdImageFile>> link(const std::string& folder) override { return whole_.link(folder); }
  Status get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) override {
    return broken ? kBroken : whole_.get(column, keys, answer);
  }
  Status scan(std::uint32_t column, std::string_view first, std::string_view end, ColdPiece piece,
              ColdAnswer& answer) override {
    return broken ? kBroken : whole_.scan(column, first, end, piece, answer);
  }
  ColdStatistics statistics() override { return whole_.statistics(); }

  bool broken = false;

 private:
  inline static const Status kBroken{ErrorCode::kIo, "the disk is gone"};
  ColdStore& whole_;
};

/// A stage of windows of 100 us, its store, and readers that answer when they are told to.
class ColdSlices : public ::testing::Test {
 protected:
  using Agg = decltype(bind_aggregate<Event>(collect(&Event::value)));
  using Stage = SliceWindowStage<std::int64_t, Event, Agg, std::int64_t Event::*>;
  using Driver = testing::StageDriver<Event, Out>;

  ColdSlices()
      : driver_{std::make_unique<Stage>(&Event::key, bind_aggregate<Event>(collect(&Event::value)),
                                        *SliceGrid::make(tumbling(100us)), WindowOptions{.close_after = 1s}, 1024,
                                        nullptr)} {
    driver_.context().cold = &tier_;
    driver_.key_by(&Event::key);
    driver_.open();
  }
  /// One record of each key, in a window that stays open.
  void fill() {
    for (std::int64_t key = 0; key < kKeys; ++key) driver_.push({key, key}, at(5));
    driver_.flush();
  }
  /// All of them are saved, and leave as far as they have to.
  void save() {
    driver_.context().barrier = ~std::uint64_t{0};  // one is on its way
    driver_.begin_barrier();
    static_cast<void>(driver_.end_barrier());
    work();
  }
  void work() {
    for (int i = 0; i < 200; ++i) {
      static_cast<void>(tier_.readers.step(random_));
      static_cast<void>(tier_.take_one());
      driver_.run();
    }
  }
  [[nodiscard]] std::size_t results() { return driver_.output().records().size(); }

  OrderedWorld world_;
  std::unique_ptr<ColdStore> store_ = *world_.open({.folder = world_.path("cold"), .columns = {"c"}});
  BreakingStore breaking_{*store_};
  Tier tier_{breaking_, 1000};
  Random random_{1};
  Driver driver_;
};

TEST_F(ColdSlices, AStageThatHasNoMemoryIsNotSilent) {
  fill();
  ASSERT_FALSE(driver_.stage().ready());
  EXPECT_TRUE(tier_.asked);
  driver_.advance(5s);
  EXPECT_EQ(results(), 0U) << "what waits for it would be late";
  save();
  ASSERT_TRUE(driver_.stage().ready());
  driver_.advance(999ms);
  work();
  EXPECT_EQ(results(), 0U);
  driver_.advance(1ms);
  work();
  EXPECT_EQ(results(), static_cast<std::size_t>(kKeys));
}

TEST_F(ColdSlices, ABatchThatWaitsForTheStoreIsNoSilence) {
  fill();
  save();
  ASSERT_TRUE(driver_.stage().ready());
  driver_.push({3, 1000}, at(6));
  driver_.push({4, 1000}, at(7));
  driver_.flush();
  driver_.advance(5s);
  EXPECT_EQ(results(), 0U);
  work();
  EXPECT_EQ(results(), 0U) << "the silence begins behind the batch";
  driver_.advance(1s);
  work();
  EXPECT_EQ(results(), static_cast<std::size_t>(kKeys));
  EXPECT_EQ(driver_.metrics().late.read(), 0U);
}

// The room may come only with a checkpoint that waits for what cannot be read.
TEST_F(ColdSlices, AStoreThatCannotReadIsAFailureAlsoWhereThereIsNoRoomBehind) {
  fill();
  save();
  driver_.push({3, 1000}, at(6));
  driver_.flush();
  breaking_.broken = true;
  driver_.output().set_room(0);
  work();
  EXPECT_EQ(driver_.context().failure().code(), ErrorCode::kIo);
  EXPECT_NE(driver_.context().failure().message().find("the disk is gone"), std::string::npos);
}

}  // namespace
}  // namespace millstream::test
