// RecordedSnapshot: what stages said at a barrier, kept, so that a test can look at it and give it to other stages.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0::testing {

class RecordedSnapshot final : public Snapshot {
 public:
  struct Entry {
    std::uint32_t state;
    std::uint32_t key_group;
    std::string key;
    std::string value;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  /// Asks for everything, or for changes, which apply_to() puts together with what was said before.
  enum class Extent { kWhole, kChanges };
  explicit RecordedSnapshot(Extent extent = Extent::kWhole) : extent_{extent} {}
  explicit RecordedSnapshot(std::vector<Entry> entries) : extent_{Extent::kWhole}, entries_{std::move(entries)} {}

  struct Position {
    std::string split;
    std::string position;
    bool finished;
  };

  bool whole() const override { return extent_ == Extent::kWhole; }
  void remove_range(std::uint32_t state, std::string_view first, std::string_view end) override {
    MILLSTREAM_ASSERT(!whole());
    ranges_.push_back({state, std::string{first}, std::string{end}});
  }
  void remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) override {
    MILLSTREAM_ASSERT(!whole());
    removed_.push_back({state, key_group, std::string{key}, {}});
  }
  void put(const StateEntry& entry) override {
    entries_.push_back({entry.state, entry.key_group, std::string{entry.key}, std::string{entry.value}});
  }
  void later(Sweep& sweep) override { sweeps_.push_back(&sweep); }
  /// What was to come later comes now, before the stage goes away.
  void finish() {
    for (; !sweeps_.empty(); sweeps_.pop_back()) {
      std::int64_t budget = kAtOnce;
      while (!sweeps_.back()->give_some(budget)) budget = kAtOnce;
    }
  }
  void position(std::string_view split, std::string position, bool finished) override {
    positions_.push_back({std::string{split}, std::move(position), finished});
  }
  void prepared(std::string handle) override { prepared_.push_back(std::move(handle)); }

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept {
    MILLSTREAM_ASSERT(sweeps_.empty());  // else finish() is missing
    return entries_;
  }
  [[nodiscard]] const std::vector<Position>& positions() const noexcept { return positions_; }
  [[nodiscard]] const std::vector<std::string>& prepared() const noexcept { return prepared_; }

  /// Makes of what was said up to the snapshot before what a whole one would have said instead of this one.
  void apply_to(std::vector<Entry>& entries) const {
    MILLSTREAM_ASSERT(sweeps_.empty());
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::string_view>> news;
    for (const Entry& each : entries_) news.emplace(each.state, each.key_group, each.key);
    for (const Entry& each : removed_) news.emplace(each.state, each.key_group, each.key);
    const auto hidden = [&](const Entry& old) {
      const auto in_range = [&](const Range& range) {
        return range.state == old.state && range.first <= old.key && (range.end.empty() || old.key < range.end);
      };
      return old.key_group == kEveryShard || news.contains({old.state, old.key_group, old.key}) ||
             std::any_of(ranges_.begin(), ranges_.end(), in_range);
    };
    std::erase_if(entries, hidden);
    entries.insert(entries.end(), entries_.begin(), entries_.end());
  }
  /// Gives the entries that a shard owns to a stage that has just been opened; the first error ends it. May be called
  /// with the snapshots of several shards, before end_restore().
  [[nodiscard]] Status restore(Stage& stage, std::uint32_t shard, std::uint32_t shards) const {
    for (const Entry& entry : entries()) {
      if (entry.key_group != kEveryShard && shard_of_group(entry.key_group, shards) != shard) continue;
      if (Status s = stage.restore({entry.state, entry.key_group, entry.key, entry.value}); !s.ok()) return s;
    }
    return {};
  }

 private:
  struct Range {
    std::uint32_t state;
    std::string first;
    std::string end;
  };
  static constexpr std::int64_t kAtOnce = 1000;

  Extent extent_;
  std::vector<Sweep*> sweeps_;
  std::vector<Range> ranges_;
  std::vector<Entry> removed_;  // without values
  std::vector<Entry> entries_;
  std::vector<Position> positions_;
  std::vector<std::string> prepared_;
};

}  // namespace millstream::inline v0::testing
