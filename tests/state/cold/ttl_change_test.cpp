// State whose time to live is given, taken away or changed from one run to the next, in memory and beyond it: both do
// the same.
#include <gmock/gmock.h>

#include <deque>

#include "millstream/state/state_handles.hpp"
#include "millstream/state/state_store.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Saved final : Snapshot {
  struct Entry {
    std::uint32_t state;
    std::uint32_t key_group;
    std::string key;
    std::string value;
  };
  bool whole() const override { return true; }
  void remove_range(std::uint32_t, std::string_view, std::string_view) override {}
  void remove(std::uint32_t, std::uint32_t, std::string_view) override {}
  void put(const StateEntry& entry) override {
    entries.push_back({entry.state, entry.key_group, std::string{entry.key}, std::string{entry.value}});
  }
  void later(Sweep& sweep) override { sweeps.push_back(&sweep); }
  void position(std::string_view, std::string, bool) override {}
  void prepared(std::string) override {}

  std::vector<Entry> entries;
  std::deque<Sweep*> sweeps;
};

/// A life of a job: its states, under one key.
class Life {
 public:
  Life(bool spills, Duration ttl, Timestamp now, const Saved& from = {}) {
    keys_.now = now;
    if (spills) {
      disk_ = *world_.open({.folder = world_.path("cold"), .columns = {"c"}});
      tier_ = std::make_unique<Tier>(*disk_, 0);  // what is restored goes to the store
    }
    store_ = std::make_unique<StateStore>(keys_, nullptr, spills, tier_.get(), "stage");
    value = ValueState<std::string>{store_->add<std::string>("value", {.ttl = ttl})};
    list = ListState<std::string>{store_->add<ListState<std::string>::Content>("list", {.ttl = ttl})};
    store_->share_memory();
    for (const Saved::Entry& each : from.entries) {
      const Status restored = store_->restore({each.state, each.key_group, each.key, each.value});
      EXPECT_TRUE(restored.ok()) << restored.to_string();
    }
    EXPECT_TRUE(store_->end_restore().ok());
    if (spills) in_store = read_all(*disk_, 0)->size();
    enter("key");
  }
  Saved save() {
    Saved saved;
    store_->save(0, saved);
    for (; !saved.sweeps.empty(); saved.sweeps.pop_front()) {
      std::int64_t budget = 1000;
      while (saved.sweeps.front()->waits() || !saved.sweeps.front()->give_some(budget)) {
        static_cast<void>(tier_->readers.step(random_));
        budget = 1000;
      }
    }
    return saved;
  }
  void pass(Duration by) { keys_.now += by; }
  void enter(std::string key) {
    key_ = std::move(key);
    const std::string* const key_at = &key_;
    const std::uint64_t hash = hash_key(key_);
    if (!keys_.fetch({&key_at, 1}, &hash)) {
      while (tier_->readers.step(random_)) {
      }
      for (ColdTableBase* cold : cold()) {
        static_cast<void>(cold->read());
        cold->done_waiting();
        EXPECT_TRUE(cold->failure().ok()) << cold->failure().to_string();
      }
    }
    keys_.enter(key_, hash, 0xffffffff);
  }
  [[nodiscard]] std::span<ColdTableBase* const> cold() const { return store_->cold(); }

  std::size_t in_store = 0;  // behind restoring

 private:
  OrderedWorld world_;
  std::unique_ptr<ColdStore> disk_;
  std::unique_ptr<Tier> tier_;
  Random random_{1};
  KeySpace<std::string> keys_;
  std::string key_;
  std::unique_ptr<StateStore> store_;

 public:
  ValueState<std::string> value;
  ListState<std::string> list;
};

constexpr Timestamp kBegin{1000s};
constexpr Duration kForEver{0};

class TtlChange : public ::testing::TestWithParam<bool> {};

TEST_P(TtlChange, AListCanBeReadThatLostItsTimeToLive) {
  Life first{GetParam(), 1s, kBegin};
  first.list.add("a");
  Life second{GetParam(), kForEver, kBegin, first.save()};
  second.list.add("b");
  Life third{GetParam(), kForEver, kBegin, second.save()};
  EXPECT_THAT(third.list.get(), ElementsAre("a", "b"));
  third.list.add("c");
  Life fourth{GetParam(), 1s, kBegin + 10s, third.save()};
  EXPECT_THAT(fourth.list.get(), ElementsAre("a", "b", "c"));
  fourth.pass(1s);
  EXPECT_THAT(fourth.list.get(), IsEmpty());
}

// As it was saved before: the elements that came without a time to live have none.
TEST(ListContent, IsReadWhereAPartHasATimeToLive) {
  std::string bytes;
  encode_value(ListState<std::string>::Content{{"a", "b"}, {kBegin}}, bytes);
  ListState<std::string>::Content list;
  EXPECT_TRUE(decode_value(bytes, list));
  EXPECT_THAT(list.values, ElementsAre("a", "b"));
  bytes.clear();
  encode_value(ListState<std::string>::Content{{"a"}, {kBegin, kBegin}}, bytes);
  EXPECT_FALSE(decode_value(bytes, list)) << "more times than elements";
}

TEST_P(TtlChange, OnOffAndOnAgainItCountsFromTheLastTime) {
  Life on{GetParam(), 1s, kBegin};
  on.value.set("v");
  on.list.add("a");
  Life off{GetParam(), kForEver, kBegin + 5s, on.save()};
  Life again{GetParam(), 1s, kBegin + 10s, off.save()};
  EXPECT_EQ(again.value.value_or("expired"), "v");
  EXPECT_THAT(again.list.get(), ElementsAre("a"));
  again.pass(999ms);
  EXPECT_EQ(again.value.value_or("expired"), "v");
  again.pass(1ms);
  EXPECT_EQ(again.value.value_or("expired"), "expired");
  EXPECT_THAT(again.list.get(), IsEmpty());
}

TEST_P(TtlChange, WhatHasExpiredMeanwhileIsNotRestored) {
  Life first{GetParam(), 1s, kBegin};
  first.value.set("v");
  first.list.add("a");
  const Saved saved = first.save();
  EXPECT_EQ(saved.entries.size(), 2U);
  Life in_time{GetParam(), 1s, kBegin + 999ms, saved};
  EXPECT_EQ(in_time.value.value_or("expired"), "v");
  EXPECT_EQ(in_time.in_store, GetParam() ? 2U : 0U);
  Life too_late{GetParam(), 1s, kBegin + 1s, saved};
  EXPECT_EQ(too_late.value.value_or("expired"), "expired");
  EXPECT_THAT(too_late.list.get(), IsEmpty());
  EXPECT_EQ(too_late.in_store, 0U);
  EXPECT_THAT(too_late.save().entries, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Backends, TtlChange, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "beyond_memory" : "in_memory"; });

}  // namespace
}  // namespace millstream::test
