// ErasedKeys: keys of a table that have gone while the cold store may have something of them, or is about to. Until
// they are gone there, too, what it has of them is nobody's to find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace millstream::inline v0 {

/// By the store's keys. Belongs to one table.
class ErasedKeys {
 public:
  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  /// Memory that they take.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Those that no piece has yet.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] bool contains(std::string_view key) const { return keys_.find(key) != keys_.end(); }

  /// A key has gone. `told`: a whole checkpoint that walks over the store has been told of it from memory.
  void add(std::string_view key, bool told) {
    const auto [at, added] = keys_.try_emplace(std::string{key});
    if (added) bytes_ += bytes_of(key);
    if (added || at->second.place != Place::kWaiting) ++waiting_;
    at->second.place = Place::kWaiting;
    at->second.told = at->second.told || told;
  }
  /// The key is here again, and on its way to the store.
  void forget(std::string_view key) {
    if (const auto at = keys_.find(key); at != keys_.end()) drop(at);
  }

  /// Calls f(key) for those that no piece has and for which may(key) holds, until that says false.
  template <class May, class F>
  void give(May&& may, F&& f) {
    for (auto& [key, state] : keys_) {
      if (waiting_ == 0) return;
      if (state.place != Place::kWaiting || !may(key)) continue;
      state.place = Place::kGiven;
      --waiting_;
      if (!f(key)) return;
    }
  }
  /// The piece that has them was taken. A walk may have read one before, and not have come by it: awaited(key).
  template <class Awaited>
  void taken(Awaited&& awaited) {
    for (auto at = keys_.begin(); at != keys_.end();) {
      const auto here = at++;
      if (here->second.place != Place::kGiven) continue;
      if (awaited(here->first)) {
        here->second.place = Place::kTaken;
      } else {
        drop(here);
      }
    }
  }

  /// A whole checkpoint begins to walk over the store: none of them is there for it.
  void begin_walk() {
    for (auto& [key, state] : keys_) state.told = true;
  }
  /// Whether the walk, which has found it in the store, is not to tell of it; none where it is no key of these.
  [[nodiscard]] std::optional<bool> told(std::string_view key) const {
    const auto at = keys_.find(key);
    return at == keys_.end() ? std::nullopt : std::optional{at->second.told};
  }
  void end_walk() {
    for (auto at = keys_.begin(); at != keys_.end();) {
      const auto here = at++;
      if (here->second.place == Place::kTaken) drop(here);
    }
  }

 private:
  enum class Place : std::uint8_t { kWaiting, kGiven, kTaken };
  struct State {
    Place place = Place::kWaiting;
    bool told = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>{}(key); }
  };
  using Keys = std::unordered_map<std::string, State, Hash, std::equal_to<>>;

  // A node, its link and its place among the buckets.
  static std::size_t bytes_of(std::string_view key) { return sizeof(Keys::value_type) + 32 + key.size(); }
  void drop(Keys::iterator at) {
    bytes_ -= bytes_of(at->first);
    if (at->second.place == Place::kWaiting) --waiting_;
    keys_.erase(at);
  }

  Keys keys_;
  std::size_t bytes_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace millstream::inline v0
