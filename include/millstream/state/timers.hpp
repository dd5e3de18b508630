// Timers: "call me for this key at this time". TimerQueue holds those of one domain on one shard, by time; TimerService
// both domains of an operator; Timers is what users see. A timer is known by key, time and name: asked for twice it
// fires once, and it can be cancelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/bytes.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/state/key_space.hpp"

namespace millstream::inline v0 {

enum class TimeDomain : std::uint8_t {
  kEventTime,       ///< fires when the watermark reaches the time
  kProcessingTime,  ///< fires when the wall clock does
};

/// A timer that fires.
struct Timer {
  Timestamp time;  ///< for which it was registered
  TimeDomain domain;
  std::string_view name;  ///< valid during the call
};

/// The timers of one domain, ordered by time, then key group, then registration. Registering, cancelling and popping
/// cost O(log n); no call copies more than one of them.
class MILLSTREAM_EXPORT TimerQueue {
 public:
  struct Due {
    Timestamp time;
    std::uint32_t group = 0;
    std::string key;
    std::string name;
  };

  TimerQueue();
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Before the first: save() will be asked for what has come and gone.
  void track_changes();
  /// False if there is one already. `group` is the key's key group.
  bool add(std::string_view key, std::uint32_t group, Timestamp time, std::string_view name);
  /// False if there is none.
  bool cancel(std::string_view key, Timestamp time, std::string_view name);
  /// Takes the first timer out if its time is not after `limit`.
  [[nodiscard]] bool pop(Timestamp limit, Due& due);
  /// pop(limit) would find one.
  [[nodiscard]] bool has_due(Timestamp limit) const noexcept;
  /// Keys of the first timers that pop(limit) would give, up to `count`, in their order; valid until the queue changes.
  void due_keys(Timestamp limit, std::size_t count, std::vector<std::string_view>& keys) const;
  /// Time of the first timer; kTimestampMax if there is none.
  [[nodiscard]] Timestamp next() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  /// Without what long keys and names hold elsewhere.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  /// Gives out every timer as an entry of state `state`, or those that have come and gone. Its key is time, name and
  /// key, its value the place in the order of registration.
  void save(std::uint32_t state, Snapshot& snapshot);
  /// Adds what save() gave out; false where the bytes are not that.
  [[nodiscard]] bool restore(const StateEntry& saved);

 private:
  struct Impl;
  class TimerSaver;
  std::unique_ptr<Impl> impl_;
};

/// The timers of one keyed operator on one shard.
struct MILLSTREAM_EXPORT TimerService {
  explicit TimerService(KeySpaceBase& key_space) : keys{key_space} {}

  KeySpaceBase& keys;
  TimerQueue event_time;
  TimerQueue processing_time;
};

/// A handle for the timers of the current key, from OperatorContext::timers(). Used without a current key the members
/// throw std::logic_error.
class MILLSTREAM_EXPORT Timers {
 public:
  Timers() = default;
  explicit Timers(TimerService& service) : service_{&service} {}

  /// Calls on_timer for the current key when the merged watermark reaches `t`. If it has already, the timer fires at
  /// the next mark of the watermark. Timers that are left when the input is stopped do not fire; a drained or bounded
  /// input fires them all.
  void register_event_time(Timestamp t, std::string_view name = "");
  /// ... when the wall clock reaches `t`; if it has already, soon. Timers that are left at the end do not fire.
  void register_processing_time(Timestamp t, std::string_view name = "");
  /// Nothing if there is no such timer.
  void cancel_event_time(Timestamp t, std::string_view name = "");
  void cancel_processing_time(Timestamp t, std::string_view name = "");

 private:
  [[nodiscard]] TimerService& service() const {
    if (service_ == nullptr) [[unlikely]]
      detail::unmade_handle();
    return *service_;
  }
  TimerService* service_ = nullptr;
};

}  // namespace millstream::inline v0
