// Changes of tables, keyed states and timers against a model: what a whole snapshot and the changes behind it say, put
// together, is what there is; and an entry that has not changed is not said again.
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>

#include "millstream/core/random.hpp"
#include "millstream/state/list_state.hpp"
#include "millstream/state/map_state.hpp"
#include "millstream/state/state_store.hpp"
#include "millstream/state/table_snapshot.hpp"
#include "millstream/state/value_state.hpp"
#include "millstream/testing/recorded_snapshot.hpp"

namespace millstream {
namespace {

using testing::RecordedSnapshot;
using Entries = std::vector<RecordedSnapshot::Entry>;

Entries sorted(Entries entries) {
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// What all snapshots so far have said. save(Snapshot&) is asked for changes, now and then for everything.
class Chain {
 public:
  template <class Save, class Meanwhile>
  void add(Random& random, Save&& save, Meanwhile&& meanwhile) {
    const bool whole = first_ || random.chance(0.1);
    RecordedSnapshot said{whole ? RecordedSnapshot::Extent::kWhole : RecordedSnapshot::Extent::kChanges};
    save(said);
    meanwhile();
    said.finish();
    if (whole) entries_.clear();
    said.apply_to(entries_);
    first_ = false;
    puts_ = said.entries().size();
  }
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] std::size_t puts() const { return puts_; }

 private:
  bool first_ = true;
  std::size_t puts_ = 0;  // of the last snapshot
  Entries entries_;
};

class EntryChangesModel : public ::testing::TestWithParam<std::uint64_t> {};

using Table = StateTable<std::string, std::int64_t>;

Entries entries_of(const std::map<std::string, std::int64_t>& model, std::string_view prefix) {
  Entries all;
  for (const auto& [key, value] : model) {
    RecordedSnapshot::Entry entry{7, key_group_of(hash_key(key)), std::string{prefix}, {}};
    encode_value(key, entry.key);
    encode_value(value, entry.value);
    all.push_back(entry);
  }
  return sorted(std::move(all));
}

TEST_P(EntryChangesModel, OfATable) {
  Random random{GetParam(), 1};
  Table table;
  table.track_changes();
  std::map<std::string, std::int64_t> model;
  Chain chain;
  const bool dense = random.chance(0.5);
  const std::uint64_t keys = 1 + random.below(400);
  const auto work = [&] {
    for (std::uint64_t ops = random.below(200); ops > 0; --ops) {
      const std::string key(1 + random.below(keys) % 30, static_cast<char>('a' + random.below(20)));
      const std::uint64_t hash = hash_key(key);
      const std::uint32_t number = table.find(key, hash);
      switch (random.below(number == Table::kNone ? 2 : 4)) {
        case 0: {
          std::uint32_t resolved = 0;
          table.resolve(
              {&hash, 1}, [&](std::size_t) -> const std::string& { return key; },
              [](std::size_t) { return std::int64_t{0}; }, &resolved);
          model[key] = table.entry(resolved).value = static_cast<std::int64_t>(random.below(5));
          break;
        }
        case 1: {
          const std::uint32_t made = table.find_or_insert(key, hash, [] { return std::int64_t{-1}; });
          model[key] = table.entry(made).value += 3;
          break;
        }
        case 2:
          table.touch(number);
          model[key] = ++table.entry(number).value;
          break;
        default:
          if (dense) {
            table.erase_dense(number);
          } else {
            table.erase(number, hash);
          }
          model.erase(key);
      }
    }
  };
  for (int epoch = 0; epoch < 60; ++epoch) {
    work();
    if (random.chance(0.05)) {
      // The owner of the table removes all of it by a range.
      table.clear();
      model.clear();
      chain = {};
    }
    const std::map<std::string, std::int64_t> at_barrier = model;
    const bool goes_on = random.chance(0.5);
    chain.add(
        random, [&](Snapshot& to) { save_table(table, 7, "prefix", to); },
        [&] {
          std::int64_t budget = 1 + static_cast<std::int64_t>(random.below(50));
          if (table.saving()) static_cast<void>(table.changes()->give_some(budget));
          if (goes_on) work();
        });
    ASSERT_EQ(sorted(chain.entries()), entries_of(at_barrier, "prefix")) << "epoch " << epoch;
    if (!goes_on && random.chance(0.3)) {
      RecordedSnapshot nothing_new{RecordedSnapshot::Extent::kChanges};
      save_table(table, 7, "prefix", nothing_new);
      nothing_new.finish();
      ASSERT_TRUE(nothing_new.entries().empty());
    }
  }
}

// A checkpoint that cannot say an entry is not to go on without it, and whoever changes that entry is not to blame.
TEST(EntryChanges, AnEncodingThatThrowsEndsTheSaveWhereverItHappens) {
  for (const bool touched_first : {false, true}) {
    StateTable<std::int64_t, std::int64_t> table;
    table.track_changes();
    const auto add = [&](std::int64_t key) { return table.find_or_insert(key, hash_key(key), [&] { return key; }); };
    const std::uint32_t bad = add(7);
    for (std::int64_t key = 8; key < 20; ++key) static_cast<void>(add(key));
    const auto encode = [](std::int64_t value, ByteWriter& out) {
      if (value == 7) throw std::length_error{"too deep"};
      Codec<std::int64_t>::encode(value, out);
      return true;
    };
    RecordedSnapshot said;
    save_table(table, 7, "", said, encode);
    if (touched_first) {
      table.touch(bad);
      table.entry(bad).value = 6;
    }
    EXPECT_THROW(said.finish(), std::length_error);
    EXPECT_TRUE(table.saving());
    EXPECT_THROW(said.finish(), std::length_error);
  }
}

TEST_P(EntryChangesModel, OfEntriesThatAreLeftOut) {
  Random random{GetParam(), 2};
  Table table;
  table.track_changes();
  Chain chain;
  std::map<std::string, std::int64_t> model;
  for (int epoch = 0; epoch < 40; ++epoch) {
    for (std::uint64_t ops = random.below(20); ops > 0; --ops) {
      const std::string key{static_cast<char>('a' + random.below(20))};
      const std::uint32_t number = table.find_or_insert(key, hash_key(key), [] { return std::int64_t{0}; });
      model[key] = table.entry(number).value = static_cast<std::int64_t>(random.below(3));
    }
    chain.add(
        random,
        [&](Snapshot& to) {
          save_table(table, 7, "", to, [](std::int64_t value, ByteWriter& out) {
            Codec<std::int64_t>::encode(value, out);
            return value != 0;
          });
        },
        [] {});
    std::map<std::string, std::int64_t> given;
    for (const auto& [key, value] : model) {
      if (value != 0) given[key] = value;
    }
    ASSERT_EQ(sorted(chain.entries()), entries_of(given, ""));
  }
}

/// Equal to one that is asked for everything and was done the same to.
TEST_P(EntryChangesModel, OfKeyedStatesAndTimers) {
  struct Side {
    KeySpace<std::int64_t> keys;
    StateStore store{keys, nullptr, true};
    ValueState<std::string> value{store.add<std::string>("value", {.ttl = std::chrono::microseconds{400}})};
    ListState<int> list{store.add<ListState<int>::Content>("list", {})};
    MapState<int, int> map{store.add<MapState<int, int>::Content>(
        "map", {.ttl = std::chrono::microseconds{300}, .ttl_update = TtlUpdate::kOnReadAndWrite})};
    Timers timers{store.timers()};
  };
  Random random{GetParam(), 3};
  Side changes;
  Side whole;
  Chain chain;
  std::int64_t now = 0;
  for (int epoch = 0; epoch < 60; ++epoch) {
    for (std::uint64_t ops = random.below(60); ops > 0; --ops) {
      now += static_cast<std::int64_t>(random.below(5));
      const auto key = static_cast<std::int64_t>(random.below(30));
      const std::uint64_t what = random.below(9);
      const auto number = static_cast<int>(random.below(6));
      for (Side* side : {&changes, &whole}) {
        side->keys.now = Timestamp{Duration{now}};
        side->keys.enter(key, hash_key(key), 0xffffffff);
        switch (what) {
          case 0:
            side->value.set(std::string(static_cast<std::size_t>(number), 'x'));
            break;
          case 1:
            side->value.clear();
            break;
          case 2:
            side->list.add(number);
            break;
          case 3:
            side->list.clear();
            break;
          case 4:
            side->map.put(number, number + 1);
            break;
          case 5:
            side->map.erase(number);
            break;
          case 6:
            static_cast<void>(side->map.contains(number));  // lets it live longer
            break;
          case 7:
            side->timers.register_event_time(Timestamp{Duration{now + number}}, number % 2 == 0 ? "a" : "");
            break;
          default:
            side->timers.cancel_event_time(Timestamp{Duration{now + number}}, "a");
        }
        side->keys.leave();
      }
    }
    TimerQueue::Due due;
    for (Side* side : {&changes, &whole}) {
      while (side->store.timers().event_time.pop(Timestamp{Duration{now - 5}}, due)) continue;
      side->store.maintain();
    }
    RecordedSnapshot all;
    whole.store.save(0, all);
    all.finish();
    // What a key does in between is told the next time.
    const std::int64_t other = 30;  // none of those that are compared below
    chain.add(
        random, [&](Snapshot& to) { changes.store.save(0, to); },
        [&] {
          for (Side* side : {&changes, &whole}) {
            side->keys.enter(other, hash_key(other), 0xffffffff);
            side->value.set("meanwhile");
            side->list.clear();
            side->timers.register_event_time(Timestamp{Duration{now + 7}}, "a");
            side->keys.leave();
          }
        });
    // What has only expired may still be said.
    const Entries said = sorted(chain.entries());
    const Entries there = sorted(all.entries());
    ASSERT_TRUE(std::includes(said.begin(), said.end(), there.begin(), there.end(), [](const auto& a, const auto& b) {
      return std::tie(a.state, a.key_group, a.key) < std::tie(b.state, b.key_group, b.key);
    }));
    for (const RecordedSnapshot::Entry& entry : said) {
      // Timers and the list, which never expires, are the same; of the others nothing is there that was removed.
      if (entry.state != 0 && entry.state != 3) continue;
      ASSERT_TRUE(std::binary_search(there.begin(), there.end(), entry));
    }
    Side restored;
    restored.keys.now = changes.keys.now;
    for (const RecordedSnapshot::Entry& entry : said) {
      ASSERT_TRUE(restored.store.restore({entry.state, entry.key_group, entry.key, entry.value}).ok());
    }
    for (std::int64_t key = 0; key < 30; ++key) {
      for (Side* side : {&restored, &changes, &whole}) side->keys.enter(key, hash_key(key), 0xffffffff);
      EXPECT_EQ(changes.map.size(), whole.map.size());  // reading lets it live longer, so both are read
      EXPECT_EQ(restored.value.value_or("none"), whole.value.value_or("none"));
      EXPECT_EQ(restored.list.get(), whole.list.get());
      EXPECT_EQ(restored.map.size(), whole.map.size());
    }
    ASSERT_FALSE(HasFailure()) << "epoch " << epoch;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EntryChangesModel, ::testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace millstream
