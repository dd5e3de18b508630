// KeyedStateBase: what an operator's stage knows of one of its states, whatever the state holds; how long that lives,
// and where it goes that need not fit in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/cold_tier.hpp"
#include "millstream/state/key_space.hpp"
#include "millstream/state/state_options.hpp"

namespace millstream::inline v0 {

/// When something that was last written (or read) at some time is over.
class Aging {
 public:
  Aging(StateOptions options, const KeySpaceBase& keys) noexcept
      : ttl_{std::chrono::ceil<Duration>(options.ttl)},
        on_read_{options.ttl_update == TtlUpdate::kOnReadAndWrite},
        keys_{keys} {}
  [[nodiscard]] bool on() const noexcept { return ttl_ > Duration{0}; }
  [[nodiscard]] Duration ttl() const noexcept { return ttl_; }
  [[nodiscard]] bool on_read() const noexcept { return on_read_; }
  [[nodiscard]] Timestamp now() const noexcept { return keys_.now; }
  [[nodiscard]] bool over(Timestamp touched) const noexcept { return on() && saturating_add(touched, ttl_) <= now(); }

 private:
  Duration ttl_;
  bool on_read_;
  const KeySpaceBase& keys_;
};

/// Where a state goes that need not fit in memory: one of several in the column of its stage.
struct ColdPlace {
  ColdTier* tier = nullptr;  ///< null: it stays in memory
  std::string_view stage;
  std::uint16_t number = 0;  ///< among the states of the stage

  [[nodiscard]] std::string prefix() const {
    return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  }
};

/// What an operator's stage does with its states.
class MILLSTREAM_EXPORT KeyedStateBase {
 public:
  explicit KeyedStateBase(std::string name) : name_{std::move(name)} {}
  virtual ~KeyedStateBase() = default;
  KeyedStateBase(const KeyedStateBase&) = delete;
  KeyedStateBase& operator=(const KeyedStateBase&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Between batches: removes some of what has expired, in proportion to what was added, and accounts for memory.
  virtual void maintain() = 0;
  /// Keys that have content, expired ones that are not yet removed included.
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual StateDeclaration declare() const = 0;
  /// Gives out what has not expired, as entries of state `state`: all, or what has changed.
  virtual void save(std::uint32_t state, Snapshot& snapshot) = 0;
  /// Adds what save() gave out; false where the bytes are not that. `failure`: it could not be put into the cold store.
  [[nodiscard]] virtual bool restore(const StateEntry& saved, Status& failure) = 0;
  /// Null where all of it stays in memory.
  [[nodiscard]] virtual ColdTableBase* cold() noexcept = 0;

 private:
  std::string name_;
};

}  // namespace millstream::inline v0
