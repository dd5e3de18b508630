// RecordedSnapshot: what stages said at a barrier, kept, so that a test can look at it and give it to other stages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/channel/stage.hpp"

namespace millstream::inline v0::testing {

class RecordedSnapshot final : public Snapshot {
 public:
  struct Entry {
    std::uint32_t state;
    std::uint32_t key_group;
    std::string key;
    std::string value;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Position {
    std::string split;
    std::string position;
    bool finished;
  };

  void put(const StateEntry& entry) override {
    entries_.push_back({entry.state, entry.key_group, std::string{entry.key}, std::string{entry.value}});
  }
  void position(std::string_view split, std::string position, bool finished) override {
    positions_.push_back({std::string{split}, std::move(position), finished});
  }
  void prepared(std::string handle) override { prepared_.push_back(std::move(handle)); }

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] const std::vector<Position>& positions() const noexcept { return positions_; }
  [[nodiscard]] const std::vector<std::string>& prepared() const noexcept { return prepared_; }

  /// Gives the entries that a shard owns to a stage that has just been opened; the first error ends it. May be called
  /// with the snapshots of several shards, before end_restore().
  [[nodiscard]] Status restore(Stage& stage, std::uint32_t shard, std::uint32_t shards) const {
    for (const Entry& entry : entries_) {
      if (entry.key_group != kEveryShard && shard_of_group(entry.key_group, shards) != shard) continue;
      if (Status s = stage.restore({entry.state, entry.key_group, entry.key, entry.value}); !s.ok()) return s;
    }
    return {};
  }

 private:
  std::vector<Entry> entries_;
  std::vector<Position> positions_;
  std::vector<std::string> prepared_;
};

}  // namespace millstream::inline v0::testing
