// ShardActivity: how a shard spends its time: busy, with nothing to do, or blocked. The interval that runs is published
// before the shard steps or sleeps, so a reader sees a shard that is blocked now and not only one that was.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millstream::inline v0 {

/// One writer, the shard's thread; any number of readers. Instants are Clock::monotonic_ns() of the job's clock.
class ShardActivity {
 public:
  enum class Kind : std::uint8_t { kBusy, kIdle, kBlocked };
  using Times = std::array<std::int64_t, 3>;  ///< nanoseconds by Kind

  /// Writer, once: from here on time passes.
  void begin(std::int64_t now_ns, Kind running) noexcept {
    write([&] {
      start_ns_.store(now_ns, std::memory_order_release);
      running_.store(running, std::memory_order_release);
      begun_.store(true, std::memory_order_release);
    });
  }
  /// Writer: what ran until now turned out to be `was`; what runs from now on is `next` as far as one can tell.
  void turn(std::int64_t now_ns, Kind was, Kind next) noexcept {
    write([&] {
      std::atomic<std::int64_t>& total = totals_[static_cast<std::size_t>(was)];
      const std::int64_t passed = now_ns - start_ns_.load(std::memory_order_relaxed);
      total.store(total.load(std::memory_order_relaxed) + passed, std::memory_order_release);
      start_ns_.store(now_ns, std::memory_order_release);
      running_.store(next, std::memory_order_release);
    });
  }
  /// Writer: what runs since the last turn is `kind`. Before the shard sleeps.
  void expect(Kind kind) noexcept { running_.store(kind, std::memory_order_release); }

  /// Any thread. What has passed by `now_ns`, the running interval included; their sum is the time since begin().
  [[nodiscard]] Times read(std::int64_t now_ns) const noexcept {
    while (true) {
      const std::uint64_t version = version_.load(std::memory_order_acquire);  // pairs with the release in write()
      Times times{};
      for (std::size_t i = 0; i < times.size(); ++i) times[i] = totals_[i].load(std::memory_order_acquire);
      const std::int64_t passed = now_ns - start_ns_.load(std::memory_order_acquire);
      const auto running = static_cast<std::size_t>(running_.load(std::memory_order_acquire));
      const bool begun = begun_.load(std::memory_order_acquire);
      if (version % 2 != 0 || version != version_.load(std::memory_order_relaxed)) continue;
      if (begun && passed > 0) times[running] += passed;
      return times;
    }
  }

 private:
  // A sequence lock: odd while values change. Each value is stored with release and loaded with acquire instead of
  // fences between them, which on x86 cost as little and which ThreadSanitizer understands.
  template <class Change>
  void write(Change&& change) noexcept {
    const std::uint64_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    change();
    version_.store(version + 2, std::memory_order_release);  // pairs with the acquire in read()
  }

  std::atomic<std::uint64_t> version_{0};
  std::array<std::atomic<std::int64_t>, 3> totals_{};
  std::atomic<std::int64_t> start_ns_{0};
  std::atomic<Kind> running_{Kind::kIdle};
  std::atomic<bool> begun_{false};
};

}  // namespace millstream::inline v0
