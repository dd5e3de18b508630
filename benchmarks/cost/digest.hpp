// What both sides of a row boil their results down to, whatever their order; and the sink that does it for the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "millstream/core/cache_line.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/window/window_result.hpp"

namespace cost {

/// Number of results and a sum over them; a result more, less or different changes it.
struct Digest {
  std::uint64_t results = 0;
  std::uint64_t sum = 0;

  void fold(std::uint64_t key, std::uint64_t a, std::uint64_t b) {
    ++results;
    sum += (key + 0x9e3779b97f4a7c15) * (a * 0xbf58476d1ce4e5b9 + b);
  }
  void fold(std::uint64_t key, std::int64_t a, millstream::Timestamp at) {
    fold(key, static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(at.time_since_epoch().count()));
  }
  /// Count and sum of a window.
  void fold(std::uint64_t key, std::int64_t count, std::int64_t total, millstream::Timestamp end) {
    fold(key, total * 1024 + count, end);
  }
  /// A result of the engine's windows.
  void fold(const millstream::WindowResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>& result) {
    fold(result.key, std::get<0>(result.value), std::get<1>(result.value), result.window_end);
  }
  template <class Event>
  void fold(const Event& event) {
    if constexpr (requires { event.at; }) {
      fold(event.key, event.value, event.at);
    } else {
      fold(event.key, static_cast<std::uint64_t>(event.value), event.payload.back());
    }
  }
  void add(const Digest& other) {
    results += other.results;
    sum += other.sum;
  }
  friend bool operator==(const Digest&, const Digest&) = default;
};

/// Folds records of type T; each shard has a digest of its own.
template <class T>
class FoldSink {
 public:
  void open(millstream::SinkContext& context) { mine_ = &lanes_->at(context.shard()).digest; }
  std::size_t write(std::span<T> records) {
    Digest digest = *mine_;
    for (const T& record : records) digest.fold(record);
    *mine_ = digest;
    return records.size();
  }
  /// What all shards have folded since the last call; between runs.
  [[nodiscard]] Digest take() const {
    Digest whole;
    for (Lane& lane : *lanes_) {
      whole.add(lane.digest);
      lane.digest = {};
    }
    return whole;
  }

 private:
  struct alignas(millstream::kCacheLine) Lane {
    Digest digest;
  };
  static constexpr std::size_t kShardsMax = 8;
  std::shared_ptr<std::vector<Lane>> lanes_ = std::make_shared<std::vector<Lane>>(kShardsMax);
  Digest* mine_ = nullptr;
};

}  // namespace cost
