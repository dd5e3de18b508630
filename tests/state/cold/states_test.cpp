// States of an operator that leave memory beside the same ones that do not: whatever is written, erased or expires, and
// whatever leaves and comes back in between, both read the same, each save is told of each key once and as at its
// barrier, what goes on from it is that, and what has expired is on the disk no longer.
#include <algorithm>
#include <map>

#include "millstream/state/state_handles.hpp"
#include "millstream/state/state_store.hpp"
#include "runtime/seeds.hpp"
#include "state/cold/saves_in_pieces.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kAged = 5;  // the number of the state that expires
constexpr Duration kTimeToLive = 1s;

/// By state and key.
using Entries = std::map<std::pair<std::uint32_t, std::string>, std::string>;

class Collected final : public Snapshot {
 public:
  bool whole() const override { return true; }
  void remove_range(std::uint32_t, std::string_view, std::string_view) override { ADD_FAILURE() << "a range"; }
  void remove(std::uint32_t, std::uint32_t, std::string_view) override { ADD_FAILURE() << "a removal"; }
  void put(const StateEntry& entry) override { entries[{entry.state, std::string{entry.key}}] = entry.value; }
  void later(Sweep&) override { ADD_FAILURE() << "nothing is tracked"; }
  void position(std::string_view, std::string, bool) override {}
  void prepared(std::string) override {}

  Entries entries;
};

/// What has expired by then is left out of a save, or not, as it happens.
bool has_expired(const Entries::value_type& entry, Timestamp now) {
  if (entry.first.first != kAged) return false;
  ByteReader in{entry.second};
  std::optional<Timestamp> touched;
  EXPECT_TRUE(Codec<std::optional<Timestamp>>::decode(in, touched) && touched);
  return *touched + kTimeToLive <= now;
}

/// Puts together what saves say, and compares it with what was there at the barrier.
class Saves final : public SavesInPieces {
 public:
  /// `now` is the time of the states, and what they hold is `expected`.
  explicit Saves(const Timestamp& now) : now_{now} {}
  void begin(bool whole, Entries expected) {
    whole_ = whole;
    barrier_ = now_;
    expected_ = std::move(expected);
    told_.clear();
    gone_.clear();
  }
  void remove(std::uint32_t state, std::uint32_t, std::string_view key) override {
    EXPECT_FALSE(whole_);
    gone_.emplace_back(state, key);
  }
  void put(const StateEntry& entry) override {
    EXPECT_TRUE(told_.try_emplace({entry.state, std::string{entry.key}}, entry.value).second) << "is told of twice";
  }

  /// Nothing of the state that expires.
  [[nodiscard]] bool none_aged() const {
    return std::none_of(entries.begin(), entries.end(), [](const auto& each) { return each.first.first == kAged; });
  }

  Entries entries;

 private:
  void told_all() override {
    if (whole_) entries.clear();
    for (const auto& key : gone_) entries.erase(key);
    for (auto& [key, value] : told_) entries[key] = value;
    compare();
  }
  void compare() const {
    for (const auto& each : entries) {
      const auto at = expected_.find(each.first);
      const bool same = at == expected_.end() ? has_expired(each, barrier_) : at->second == each.second;
      EXPECT_TRUE(same) << "what is saved is not what was there";
    }
    for (const auto& each : expected_) {
      EXPECT_TRUE(entries.contains(each.first) || has_expired(each, now_)) << "what was there is not saved";
    }
  }

  const Timestamp& now_;
  Timestamp barrier_;
  Entries expected_;
  Entries told_;
  std::vector<Entries::key_type> gone_;
};

/// The states of one operator.
struct States {
  explicit States(ColdTier* tier) : store{keys, nullptr, tier != nullptr, tier, "stage"} { store.share_memory(); }

  KeySpace<std::string> keys;
  StateStore store;
  ValueState<std::string> value{store.add<std::string>("value", {})};
  ListState<std::string> list{store.add<ListState<std::string>::Content>("list", {})};
  MapState<std::int64_t, std::string> map{store.add<MapState<std::int64_t, std::string>::Content>("map", {})};
  ValueState<std::int64_t> aged{store.add<std::int64_t>("aged", {.ttl = kTimeToLive})};

  [[nodiscard]] Entries entries() {
    Collected all;
    store.save(0, all);
    return all.entries;
  }
  /// All of a key.
  [[nodiscard]] std::string read() const {
    std::string all = value.value_or("none");
    for (const std::string& each : list.get()) all.append(",").append(each);
    map.for_each([&](std::int64_t key, const std::string& each) {
      all.append(";").append(std::to_string(key)).append("=").append(each);
    });
    return all.append(" ").append(std::to_string(aged.value_or(-1)));
  }
  void change(std::uint64_t what, const std::string& with) {
    const auto number = static_cast<std::int64_t>(with.size());
    switch (what) {
      case 0:
        return value.set(with);
      case 1:
        return value.clear();
      case 2:
        return list.add(with);
      case 3:
        return list.clear();
      case 4:
        return map.put(number % 4, with);
      case 5:
        return map.erase(number % 4);
      case 6:
        return map.clear();
      case 7:
        return aged.set(number);
      case 8:
        return aged.clear();
      default:
        return;
    }
  }
};

/// What a stage does with them.
class Stage {
 public:
  Stage(ColdStore& store, std::size_t table_bytes, Random& random) : random_{random}, tier{store, table_bytes} {}

  void act(States& twin) {
    switch (random_.below(8)) {
      case 0:
      case 1:
        if (batch_.empty() && has_room()) take_batch(twin);
        break;
      case 2:
        static_cast<void>(tier.readers.step(random_));
        break;
      case 3:
        static_cast<void>(tier.take_one());
        break;
      case 4:
      case 5:
        step(twin);
        break;
      default:
        if (saves.under_way()) {
          saves.give_some(random_);
        } else if (batch_.empty() && (tier.asked || random_.chance(0.05))) {
          save(twin, random_.chance(0.3));
        }
    }
  }
  void save(States& twin, bool whole) {
    tier.asked = false;
    saves.begin(whole || first_, twin.entries());
    first_ = false;
    cold.store.save(0, saves);
  }
  void step(States& twin) {
    bool reading = false;
    for (ColdTableBase* each : cold.store.cold()) {
      static_cast<void>(batch_.empty() ? each->step() : each->read());
      reading = reading || each->reading();
      ASSERT_TRUE(each->failure().ok()) << each->failure().to_string();
    }
    if (batch_.empty() || reading) return;
    for (ColdTableBase* each : cold.store.cold()) each->done_waiting();
    work(twin);
  }
  /// Time goes by, and nothing comes in.
  void idle(States& twin, Duration time) {
    for (const Timestamp end = twin.keys.now + time; twin.keys.now < end;) {
      twin.keys.now += 1ms;
      cold.keys.now = twin.keys.now;
      cold.store.maintain();
      static_cast<void>(tier.readers.step(random_));
      static_cast<void>(tier.take_one());
      step(twin);
    }
  }
  /// Until nothing more happens.
  void settle(States& twin) {
    for (int i = 0; i < 10'000; ++i) {
      static_cast<void>(tier.readers.step(random_));
      static_cast<void>(tier.take_one());
      step(twin);
      if (saves.under_way()) saves.give_some(random_);
    }
    EXPECT_FALSE(saves.under_way());
  }

  /// Keys that have expired and are there, beyond those that are too few to be removed alone.
  [[nodiscard]] std::size_t aged_on_disk(ColdStore& store, std::size_t share) {
    constexpr std::size_t kBytesOfAKey = 64;  // at least, while it waits to be removed
    ColdAnswer answer;
    EXPECT_TRUE(store.scan(0, std::string_view{"\0\3", 2}, std::string_view{"\0\4", 2}, {}, answer).ok());
    const std::size_t few = share / 4 / 8 / 2 / kBytesOfAKey + 1;
    return answer.size() > few ? answer.size() : 0;
  }

 private:
  bool has_room() {
    bool room = true;
    for (ColdTableBase* each : cold.store.cold()) room = each->has_room(false) && room;
    return room;
  }
  void take_batch(States& twin) {
    batch_.resize(1 + random_.below(12));
    std::vector<const std::string*> keys;
    std::vector<std::uint64_t> hashes;
    for (std::string& key : batch_) {
      key = "key " + std::to_string(random_.chance(0.5) ? random_.below(12) : random_.below(150));
      if (key.size() % 2 == 0) key.append(20, '.');  // it owns memory
      keys.push_back(&key);
      hashes.push_back(hash_key(key));
    }
    if (cold.keys.fetch(keys, hashes.data())) work(twin);
  }
  void work(States& twin) {
    if (random_.chance(0.3)) twin.keys.now += Duration{random_.below(300'000)};
    cold.keys.now = twin.keys.now;
    for (const std::string& key : batch_) {
      for (States* each : {&twin, &cold}) each->keys.enter(key, hash_key(key), 0xffffffff);
      ASSERT_EQ(cold.read(), twin.read()) << key;
      const std::uint64_t what = random_.below(11);
      const std::string with(random_.below(40), static_cast<char>('a' + random_.below(26)));
      for (States* each : {&twin, &cold}) each->change(what, with);
      ASSERT_EQ(cold.read(), twin.read()) << key;
      for (States* each : {&twin, &cold}) each->keys.leave();
    }
    batch_.clear();
    cold.store.maintain();
    twin.store.maintain();
  }

  Random& random_;
  std::vector<std::string> batch_;  // that waits for its keys
  bool first_ = true;

 public:
  Tier tier;
  States cold{&tier};
  Saves saves{cold.keys.now};
};

std::string spill_beside_memory(std::uint64_t seed) {
  Random random{seed, 0x5354'4154};
  OrderedWorld world;
  const auto open = [&](const std::string& name) {
    return *world.open({.folder = world.path(name), .columns = {"c"}});
  };
  const std::unique_ptr<ColdStore> store = open("cold");
  const std::size_t share = random.below(3) == 0 ? 4 : 1000 + random.below(30'000);
  States twin{nullptr};
  Stage stage{*store, share, random};
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) stage.act(twin);
  stage.settle(twin);
  stage.save(twin, random.chance(0.5));
  stage.settle(twin);
  const Entries saved = stage.saves.entries;
  const Timestamp saved_at = twin.keys.now;

  stage.idle(twin, 8 * kTimeToLive);  // each page takes some steps
  if (const std::size_t left = stage.aged_on_disk(*store, share); left > 0) return std::to_string(left) + " stay";
  stage.save(twin, random.chance(0.5));
  stage.settle(twin);
  if (!stage.saves.none_aged()) return "what has expired stays saved";

  // What was saved goes into other states, most of it at once to their store, and comes back from there.
  const std::unique_ptr<ColdStore> other = open("other");
  Stage next{*other, share, random};
  States fresh{nullptr};
  fresh.keys.now = next.cold.keys.now = saved_at + Duration{random.below(1'000'000)};
  for (const auto& [at, value] : saved) {
    std::string key;
    static_cast<void>(decode_value(at.second, key));
    const StateEntry entry{at.first, key_group_of(hash_key(key)), at.second, value};
    for (States* each : {&next.cold, &fresh}) {
      if (Status s = each->store.restore(entry); !s.ok()) return s.to_string();
    }
  }
  if (Status s = next.cold.store.end_restore(); !s.ok()) return s.to_string();
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) next.act(fresh);
  next.settle(fresh);
  next.save(fresh, true);
  next.settle(fresh);
  return ::testing::Test::HasFailure() ? "see above" : "";
}

TEST(ColdStates, AreWhatStatesInMemoryAre) { for_all_seeds("state_cold_states", 300, spill_beside_memory); }

}  // namespace
}  // namespace millstream::test
