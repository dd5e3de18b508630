// PaneCounts: how often each key of a window has fired, while late records may make it fire again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "millstream/operators/window_snapshot.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

/// Windows are known by their numbers, which rise with their ends. Belongs to one stage on one shard.
template <class K>
class PaneCounts {
 public:
  /// Before the first: changes are tracked, for checkpoints.
  void track_changes() noexcept { tracks_ = true; }
  /// The number of the pane that the key now fires, from zero; from `first` where that many went uncounted.
  std::uint32_t next(std::int64_t window, const K& key, std::uint64_t hash, std::uint32_t first = 0) {
    Table& table = at(window);
    return table.entry(table.find_or_insert(key, hash, [first] { return first; })).value++;
  }
  /// Forgets the first windows, as long as over(window) holds, but for those of which a checkpoint has yet to be told.
  template <class Over>
  void drop(Over&& over) {
    for (auto it = windows_.begin(); it != windows_.end() && over(it->first);) {
      if (it->second.saving()) {
        ++it;
        continue;
      }
      gone_.add(it->first, it->second);
      it = windows_.erase(it);
    }
  }

  /// As entries of `state`: window and key -> panes so far.
  void save(std::uint32_t state, Snapshot& to) {
    gone_.save(state, to);
    std::string prefix;
    for (auto& [window, table] : windows_) {
      prefix.clear();
      append_ordered(window, prefix);
      save_table(table, state, prefix, to);
    }
  }
  /// False where save() has not written the entry.
  [[nodiscard]] bool restore(const StateEntry& entry) {
    std::string_view key = entry.key;
    std::int64_t window = 0;
    return take_ordered(key, window) && restore_to_table(at(window), entry.key_group, key, entry.value);
  }

 private:
  using Table = StateTable<K, std::uint32_t>;
  Table& at(std::int64_t window) {
    Table& table = windows_[window];
    if (tracks_ && table.changes() == nullptr) table.track_changes();
    return table;
  }

  std::map<std::int64_t, Table> windows_;
  GoneNumbers gone_;
  bool tracks_ = false;
};

}  // namespace millstream::inline v0
