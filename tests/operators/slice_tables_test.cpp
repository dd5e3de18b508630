// Slices whose entries leave memory, beside maps: whatever leaves and comes back, in any order of readers, rounds and
// saves, a slice fires each key once and as it is, each save is told of each key once and as at its barrier, and of a
// slice that is over nothing stays in the store.
#include "millstream/operators/slice_tables.hpp"

#include <map>
#include <set>
#include <stdexcept>

#include "runtime/seeds.hpp"
#include "state/cold/saves_in_pieces.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using Model = std::map<std::int64_t, std::map<std::string, std::string>>;
using Slices = SliceTables<std::string, std::string>;

std::string key_in(std::int64_t slice, const std::string& key) {
  std::string bytes;
  append_ordered(slice, bytes);
  encode_value(key, bytes);
  return bytes;
}

/// Puts together what saves say, and compares it with what was there at the barrier.
class SliceSaves final : public SavesInPieces {
 public:
  void begin(bool whole, const Model& model) {
    whole_ = whole;
    next_ = whole ? std::map<std::string, std::string>{} : saved;
    told_.clear();
    expected_.clear();
    for (const auto& [slice, entries] : model) {
      for (const auto& [key, value] : entries) encode_value(value, expected_[key_in(slice, key)]);
    }
  }
  /// Where no slice had anything to say, nobody else would compare.
  void end_when_told() {
    if (!under_way()) told_all();
  }

  void remove_range(std::uint32_t, std::string_view first, std::string_view end) override {
    EXPECT_FALSE(whole_);
    next_.erase(next_.lower_bound(std::string{first}), end.empty() ? next_.end() : next_.lower_bound(std::string{end}));
  }
  void put(const StateEntry& entry) override {
    std::string_view key_bytes = entry.key;
    std::int64_t slice = 0;
    std::string key;
    EXPECT_TRUE(take_ordered(key_bytes, slice) && decode_value(key_bytes, key));
    EXPECT_EQ(entry.key_group, key_group_of(hash_key(key)));
    EXPECT_TRUE(told_.emplace(entry.key, entry.value).second) << key << " is told of twice";
  }

  std::map<std::string, std::string> saved;

 private:
  void told_all() override {
    for (const auto& [key, value] : told_) next_[key] = value;
    saved = next_;
    EXPECT_EQ(saved, expected_);
  }

  std::map<std::string, std::string> next_;
  std::map<std::string, std::string> expected_;
  std::map<std::string, std::string> told_;
};

/// What a stage does.
class Stage {
 public:
  Stage(ColdStore& store, std::size_t table_bytes, Random& random) : random_{random}, tier{store, table_bytes} {
    tables.track_changes();
    tables.spill(tier, "stage");
  }

  void act() {
    switch (random_.below(9)) {
      case 0:
      case 1:
        if (idle() && tables.cold()->has_room(false)) take_batch();
        break;
      case 2:
        static_cast<void>(tier.readers.step(random_));
        break;
      case 3:
        static_cast<void>(tier.take_one());
        break;
      case 4:
      case 5:
      case 6:
        step();
        break;
      case 7:
        if (idle() && !slices.empty() && random_.chance(0.1)) begin_firing();
        break;
      default:
        if (saves.under_way()) {
          saves.give_some(random_);
        } else if (idle() && (tier.asked || random_.chance(0.05))) {
          save(random_.chance(0.3));
        }
    }
    const Status failure = tables.cold()->failure();
    ASSERT_TRUE(failure.ok()) << failure.to_string();
  }
  void save(bool whole) {
    tier.asked = false;
    saves.begin(whole || first_, model);
    first_ = false;
    for (auto& [slice, place] : slices) {
      if (!over_.contains(slice)) continue;
      tables.note_gone(place, slice);
      place.table->forget_changes();
    }
    tables.gone().save(0, saves);
    for (auto& [slice, place] : slices) {
      if (over_.contains(slice)) continue;
      std::string prefix;
      append_ordered(slice, prefix);
      save_table(*place.table, 0, prefix, saves);
      tables.cold()->save(*place.cold, 0, saves);
    }
    tables.cold()->end_save(saves);
    saves.end_when_told();
  }
  void step() {
    ColdTables& cold = *tables.cold();
    if (!batch_.empty()) {
      static_cast<void>(cold.read());
      if (cold.reading()) return;
      cold.done_waiting();
      work();
    } else if (firing_) {
      fire_some();
    } else {
      for (auto at = slices.begin(); at != slices.end();) {
        const bool over = over_.contains(at->first) && tables.may_close(at->second);
        if (over) tables.close(at->second, at->first);
        at = over ? slices.erase(at) : std::next(at);
      }
      static_cast<void>(cold.step());
      for (auto& [slice, place] : slices) renewed += tables.renew(place, slice) ? 1 : 0;
      static_cast<void>(tables.tidy());
    }
  }
  void settle() {
    for (int i = 0; i < 10'000; ++i) {
      static_cast<void>(tier.readers.step(random_));
      static_cast<void>(tier.take_one());
      step();
      if (saves.under_way()) saves.give_some(random_);
    }
    EXPECT_FALSE(saves.under_way());
    EXPECT_TRUE(idle());
  }
  /// Fires the first slice, which is over then where it says so.
  void begin_firing() {
    const auto first =
        std::find_if(slices.begin(), slices.end(), [&](auto& each) { return !over_.contains(each.first); });
    if (first == slices.end()) return;
    firing_ = true;
    fires_ = first->first;
    fired_.clear();
    const Slices::Place& place = first->second;
    place.table->for_each([&](std::uint32_t number) {
      const auto& entry = place.table->entry(number);
      fired_.emplace(entry.key, entry.value);
    });
    if (place.spilled()) place.cold->begin_stored();
  }
  void restore(const std::map<std::string, std::string>& saved) {
    for (const auto& [key_bytes, value_bytes] : saved) {
      std::string_view key = key_bytes;
      std::int64_t slice = 0;
      std::string decoded;
      ASSERT_TRUE(take_ordered(key, slice) && decode_value(key, decoded));
      Status failure;
      const StateEntry entry{0, key_group_of(hash_key(decoded)), key_bytes, value_bytes};
      ASSERT_TRUE(tables.restore(place_of(slice), entry, key, failure) && failure.ok());
      first_slice = std::max(first_slice, slice - 3);
    }
    ASSERT_TRUE(tables.cold()->end_restore().ok());
    first_ = true;
  }
  [[nodiscard]] std::size_t heap_is_counted_wrong() const {
    std::size_t wrong = 0;
    for (const auto& [slice, place] : slices) {
      std::size_t sum = 0;
      place.table->for_each([&](std::uint32_t number) {
        sum += heap_bytes(place.table->entry(number).key) + heap_bytes(place.table->entry(number).value);
      });
      wrong += sum != place.cold->heap_bytes_held() ? 1 : 0;
    }
    return wrong;
  }
  [[nodiscard]] std::size_t entries_in_memory() const {
    std::size_t entries = 0;
    for (const auto& [slice, place] : slices) entries += place.table->size();
    return entries;
  }
  [[nodiscard]] bool idle() const { return batch_.empty() && !firing_; }

 private:
  struct Record {
    std::int64_t slice;
    std::string key;
  };
  Slices::Place& place_of(std::int64_t slice) {
    Slices::Place& place = slices[slice];
    if (!place.table) tables.open(place, slice);
    return place;
  }
  void take_batch() {
    // Now and then so many keys of one slice that its table is worth renewing when all of them have left.
    const bool large = random_.chance(0.05);
    const auto of_large = static_cast<std::int64_t>(random_.below(4));
    for (std::uint64_t n = large ? 150 : 1 + random_.below(12); n > 0; --n) {
      const std::int64_t slice = first_slice + (large ? of_large : static_cast<std::int64_t>(random_.below(4)));
      if (over_.contains(slice)) continue;
      const bool often = !large && random_.chance(0.5);
      std::string key = "key " + std::to_string(often ? random_.below(12) : random_.below(150));
      if (key.size() % 2 == 0) key.append(20, '.');  // it owns memory
      batch_.push_back({slice, std::move(key)});
    }
    bool here = true;
    for (auto& [slice, place] : slices) {
      if (!place.spilled()) continue;
      std::vector<std::uint64_t> hashes;
      std::vector<std::string> keys;
      for (const Record& record : batch_) {
        if (record.slice != slice) continue;
        keys.push_back(record.key);
        hashes.push_back(hash_key(record.key));
      }
      here = place.cold->fetch(hashes, [&](std::size_t i) -> const std::string& { return keys[i]; }) && here;
    }
    if (here) work();
  }
  // A value says how often its key came, and is as long as that.
  void work() {
    for (const Record& record : batch_) {
      const bool throws = random_.chance(0.05);
      const auto add = [&](std::string& value) {
        const auto known = model[record.slice].find(record.key);
        EXPECT_EQ(value, known == model[record.slice].end() ? "" : known->second) << record.key;
        if (throws) throw std::runtime_error{"an aggregate that throws"};
        value += "x";
      };
      try {
        Slices::add_to(place_of(record.slice), record.key, hash_key(record.key), [] { return std::string{}; }, add);
      } catch (const std::runtime_error&) {
        continue;
      }
      model[record.slice][record.key] += "x";
    }
    batch_.clear();
  }
  void fire_some() {
    Slices::Place& place = slices.at(fires_);
    Progress told = Progress::kDone;
    if (place.spilled()) {
      auto count = 1 + static_cast<std::uint32_t>(random_.below(30));
      told = place.cold->for_each_stored(count, [&](const std::string& key, const std::string& value) {
        EXPECT_TRUE(fired_.emplace(key, value).second) << key << " fires twice";
        return random_.chance(0.9);
      });
    }
    if (told != Progress::kDone) return;
    firing_ = false;
    EXPECT_EQ(fired_, model[fires_]);
    if (random_.chance(0.3)) return;  // it takes late records, and may fire again
    over_.insert(fires_);
    model.erase(fires_);
    first_slice = std::max(first_slice, fires_ + 1);
  }

  Random& random_;
  std::vector<Record> batch_;  // that waits for its keys
  bool firing_ = false;
  std::int64_t fires_ = 0;
  std::map<std::string, std::string> fired_;
  std::set<std::int64_t> over_;
  bool first_ = true;

 public:
  Tier tier;
  Slices tables;
  std::map<std::int64_t, Slices::Place> slices;
  Model model;
  SliceSaves saves;
  std::int64_t first_slice = -2;
  std::uint64_t renewed = 0;
};

std::string spill_beside_maps(std::uint64_t seed, std::uint64_t& renewed) {
  Random random{seed, 0x534c'4943};
  OrderedWorld world;
  const auto open = [&](const std::string& name) {
    return *world.open({.folder = world.path(name), .columns = {"c"}});
  };
  const std::unique_ptr<ColdStore> store = open("cold");
  const std::size_t share = random.below(3) == 0 ? 1 : 200 + random.below(30'000);
  Stage stage{*store, share, random};
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) stage.act();
  stage.settle();
  stage.save(random.chance(0.5));
  stage.settle();
  renewed += stage.renewed;
  if (stage.heap_is_counted_wrong() != 0) return "the heap is not what is counted";
  constexpr std::size_t kEntryBytesMin = 2 * sizeof(std::string);
  if (stage.entries_in_memory() * kEntryBytesMin > share) return "what may leave does not leave";

  // What was saved goes into other tables, most of it at once to their store, and comes back from there.
  const std::unique_ptr<ColdStore> other = open("other");
  Stage next{*other, share, random};
  next.restore(stage.saves.saved);
  next.model = stage.model;
  next.save(true);
  next.settle();
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) next.act();
  next.settle();
  while (!next.slices.empty() && !::testing::Test::HasFailure()) {
    next.begin_firing();
    next.settle();
  }
  ColdAnswer left;
  if (Status s = other->scan(0, "", "\xff", {}, left); !s.ok()) return s.to_string();
  if (left.size() != 0) return "slices that are over are in the store still";
  return ::testing::Test::HasFailure() ? "see above" : "";
}

TEST(SliceTables, AreWhatMapsAreWhereEntriesLeaveMemory) {
  std::uint64_t renewed = 0;
  for_all_seeds("operators_slice_tables", 200, [&](std::uint64_t seed) { return spill_beside_maps(seed, renewed); });
  EXPECT_GT(renewed, 0U);
}

}  // namespace
}  // namespace millstream::test
