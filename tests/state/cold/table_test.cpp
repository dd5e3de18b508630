// A table that spills beside a map: whatever leaves memory and comes back between batches and barriers, in any order of
// readers, rounds and saves, each value is the model's, each save is told of each key once and as at its barrier, and
// what entries own on the heap is known to the byte.
#include "millstream/state/cold_table.hpp"

#include "millstream/state/table_snapshot.hpp"
#include "runtime/seeds.hpp"
#include "state/cold/saves_in_pieces.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using Model = std::map<std::string, std::string>;
using Table = StateTable<std::string, std::string>;

/// Puts together what saves say, and compares it with what was there at the barrier.
class Saves final : public SavesInPieces {
 public:
  void begin(bool whole, const Model& model) {
    whole_ = whole;
    expected_ = model;
    told_.clear();
  }
  void put(const StateEntry& entry) override {
    std::string key;
    std::string value;
    EXPECT_TRUE(decode_value(entry.key, key) && decode_value(entry.value, value));
    EXPECT_EQ(entry.key_group, key_group_of(hash_key(key)));
    EXPECT_TRUE(told_.emplace(key, value).second) << key << " is told of twice";
  }

  Model saved;

 private:
  void told_all() override {
    if (whole_) saved.clear();
    for (auto& [key, value] : told_) saved[key] = value;
    EXPECT_EQ(saved, expected_);
  }

  Model expected_;
  Model told_;
};

/// What a stage does.
class Stage {
 public:
  Stage(ColdStore& store, std::size_t table_bytes, Random& random) : random_{random}, tier{store, table_bytes} {}

  void act(Model& model) {
    switch (random_.below(8)) {
      case 0:
      case 1:
        if (batch_.empty() && cold.has_room(false)) take_batch(model);
        break;
      case 2:
        static_cast<void>(tier.readers.step(random_));
        break;
      case 3:
        static_cast<void>(tier.take_one());
        break;
      case 4:
      case 5:
        step(model);
        break;
      default:
        if (saves.under_way()) {
          saves.give_some(random_);
        } else if (batch_.empty() && (tier.asked || random_.chance(0.05))) {
          save(model, random_.chance(0.3));
        }
    }
    ASSERT_TRUE(cold.failure().ok()) << cold.failure().to_string();
  }
  void save(const Model& model, bool whole) {
    tier.asked = false;
    saves.begin(whole || first_, model);
    first_ = false;
    save_table(table, 0, {}, saves);
    cold.save(0, saves);
  }
  void step(Model& model) {
    static_cast<void>(cold.step());
    if (batch_.empty() || !cold.answered()) return;
    work(model);
    cold.done_waiting();
  }
  /// Until nothing more happens.
  void settle(Model& model) {
    for (int i = 0; i < 10'000; ++i) {
      static_cast<void>(tier.readers.step(random_));
      static_cast<void>(tier.take_one());
      step(model);
      if (saves.under_way()) saves.give_some(random_);
    }
    EXPECT_FALSE(saves.under_way());
  }
  void take(std::vector<std::string> keys, Model& model) {
    batch_ = std::move(keys);
    hashes_.clear();
    for (const std::string& key : batch_) hashes_.push_back(hash_key(key));
    if (cold.fetch(hashes_, [&](std::size_t i) -> const std::string& { return batch_[i]; })) work(model);
  }
  [[nodiscard]] std::size_t heap_bytes_now() const {
    std::size_t sum = 0;
    table.for_each([&](std::uint32_t number) {
      sum += heap_bytes(table.entry(number).key) + heap_bytes(table.entry(number).value);
    });
    return sum;
  }

 private:
  void take_batch(Model& model) {
    std::vector<std::string> keys(1 + random_.below(12));
    for (std::string& key : keys) {
      key = "key " + std::to_string(random_.chance(0.5) ? random_.below(12) : random_.below(150));
      if (key.size() % 2 == 0) key.append(20, '.');  // it owns memory
    }
    take(std::move(keys), model);
  }
  // A value says how often its key came, and is as long as that.
  void work(Model& model) {
    std::vector<std::uint32_t> numbers(batch_.size());
    std::vector<std::uint32_t> firsts;
    table.resolve(
        hashes_, [&](std::size_t i) -> const std::string& { return batch_[i]; },
        [&](std::size_t i) {
          firsts.push_back(static_cast<std::uint32_t>(i));
          return std::string{};
        },
        numbers.data());
    for (const std::uint32_t first : firsts) cold.note_new(numbers[first]);
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      std::string& value = table.entry(numbers[i]).value;
      ASSERT_EQ(value, model[batch_[i]]) << batch_[i];
      const ColdTable<std::string, std::string>::Change change{cold, value};
      value += "x";
      model[batch_[i]] += "x";
    }
    batch_.clear();
  }

  Random& random_;
  std::vector<std::string> batch_;  // that waits for its keys
  std::vector<std::uint64_t> hashes_;
  bool first_ = true;

 public:
  Tier tier;
  Table table;
  ColdTable<std::string, std::string> cold{table, tier, "stage"};
  Saves saves;
};

constexpr std::size_t kEntryBytesMin = sizeof(Table::Entry);

std::string spill_beside_a_map(std::uint64_t seed) {
  Random random{seed, 0x5441'424c};
  OrderedWorld world;
  const auto open = [&](const std::string& name) {
    return *world.open({.folder = world.path(name), .columns = {"c"}});
  };
  const std::unique_ptr<ColdStore> store = open("cold");
  const std::size_t share = random.below(3) == 0 ? 1 : 200 + random.below(8000);
  Model model;
  Stage stage{*store, share, random};
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) stage.act(model);
  stage.settle(model);
  stage.save(model, random.chance(0.5));
  stage.settle(model);
  if (stage.cold.heap_bytes_held() != stage.heap_bytes_now()) return "the heap is not what is counted";
  if (stage.table.size() * kEntryBytesMin > share) return "what may leave does not leave";

  // What was saved goes into another table, most of it at once to its store, and comes back from there.
  const std::unique_ptr<ColdStore> other = open("other");
  Stage next{*other, share, random};
  for (const auto& [key, value] : stage.saves.saved) {
    std::string key_bytes;
    std::string value_bytes;
    encode_value(key, key_bytes);
    encode_value(value, value_bytes);
    const StateEntry entry{0, key_group_of(hash_key(key)), key_bytes, value_bytes};
    if (next.cold.restores_to_store()) {
      if (Status s = next.cold.restore(entry); !s.ok()) return s.to_string();
    } else {
      next.cold.note_restored(restore_to_table(next.table, entry.key_group, key_bytes, value_bytes)->number);
    }
  }
  if (Status s = next.cold.end_restore(); !s.ok()) return s.to_string();
  next.save(model, true);
  next.settle(model);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) next.act(model);
  next.settle(model);
  return ::testing::Test::HasFailure() ? "see above" : "";
}

TEST(ColdTable, IsWhatAMapIs) { for_all_seeds("state_cold_table", 300, spill_beside_a_map); }

}  // namespace
}  // namespace millstream::test
