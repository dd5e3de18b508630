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

/// By the store's keys. Belongs to one table. Those that wait, those that a piece has and those that were taken are
/// kept apart, so that whoever is about some of them goes over no others.
class ErasedKeys {
 public:
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty() && given_.empty() && taken_.empty(); }
  /// Memory that they take.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Those that no piece has yet.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] bool contains(std::string_view key) const { return find(key) != nullptr; }

  /// A key has gone. `told`: a whole checkpoint that walks over the store has been told of it from memory.
  void add(std::string_view key, bool told) {
    auto at = waiting_.find(key);
    for (Keys* from : {&given_, &taken_}) {
      if (at != waiting_.end() || from->empty()) continue;
      if (const auto old = from->find(key); old != from->end()) at = waiting_.insert(from->extract(old)).position;
    }
    if (at == waiting_.end()) {
      at = waiting_.try_emplace(std::string{key}, State{walks_, false}).first;
      bytes_ += bytes_of(key);
    }
    at->second.told = at->second.told || told;
  }
  /// The key is here again, and on its way to the store.
  void forget(std::string_view key) {
    for (Keys* keys : {&waiting_, &given_, &taken_}) {
      if (const auto at = keys->find(key); at != keys->end()) drop(*keys, at);
    }
  }

  /// Calls f(key) for those that no piece has and for which may(key) holds, until that says false.
  template <class May, class F>
  void give(May&& may, F&& f) {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto here = at++;
      if (!may(here->first)) continue;
      const auto given = given_.insert(waiting_.extract(here)).position;
      if (!f(given->first)) return;
    }
  }
  /// The piece that has them was taken. A walk may have read one before, and not have come by it: awaited(key).
  template <class Awaited>
  void taken(Awaited&& awaited) {
    while (!given_.empty()) {
      const auto at = given_.begin();
      if (awaited(at->first)) {
        taken_.insert(given_.extract(at));
      } else {
        drop(given_, at);
      }
    }
  }

  /// A whole checkpoint begins to walk over the store: none of them is there for it.
  void begin_walk() { ++walks_; }
  /// Whether the walk, which has found it in the store, is not to tell of it; none where it is no key of these.
  [[nodiscard]] std::optional<bool> told(std::string_view key) const {
    const State* state = find(key);
    return state == nullptr ? std::nullopt : std::optional{state->told || state->since != walks_};
  }
  void end_walk() {
    while (!taken_.empty()) drop(taken_, taken_.begin());
  }

 private:
  struct State {
    std::uint64_t since;  // as many walks had begun when it went
    bool told;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>{}(key); }
  };
  using Keys = std::unordered_map<std::string, State, Hash, std::equal_to<>>;

  // A node, its link and its place among the buckets.
  static std::size_t bytes_of(std::string_view key) { return sizeof(Keys::value_type) + 32 + key.size(); }
  [[nodiscard]] const State* find(std::string_view key) const {
    for (const Keys* keys : {&waiting_, &given_, &taken_}) {
      if (keys->empty()) continue;
      if (const auto at = keys->find(key); at != keys->end()) return &at->second;
    }
    return nullptr;
  }
  void drop(Keys& keys, Keys::iterator at) {
    bytes_ -= bytes_of(at->first);
    keys.erase(at);
  }

  Keys waiting_;  // no piece has them yet
  Keys given_;    // one that is on its way has
  Keys taken_;    // the store has it, and a walk may still come by what it has read before
  std::size_t bytes_ = 0;
  std::uint64_t walks_ = 0;  // that have begun
};

}  // namespace millstream::inline v0
