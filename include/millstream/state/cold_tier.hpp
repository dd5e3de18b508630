// ColdTier: one shard's way to the cold store, where keyed state goes that does not fit in memory. What leaves memory
// is handed over in pieces, and is in the store when these have been taken; what comes back is asked for by a mailbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

class ColdChanges;
class ColdMailbox;

/// The shard's thread. It outlives the stages.
class MILLSTREAM_EXPORT ColdTier {
 public:
  virtual ~ColdTier() = default;

  /// The key groups that are the shard's: from the first to before the end.
  struct Groups {
    std::uint32_t first;
    std::uint32_t end;
  };
  [[nodiscard]] virtual Groups groups() const = 0;
  /// Where the entries of a stage lie that spills.
  [[nodiscard]] virtual std::uint32_t column_of(std::string_view stage) const = 0;
  /// What each table may hold in memory.
  [[nodiscard]] virtual std::size_t table_bytes() const = 0;
  [[nodiscard]] virtual ColdMailbox& mailbox() = 0;

  /// Hands a piece over; the shard is woken when the store has taken it. Pieces are taken in the order of their
  /// numbers, which this gives.
  [[nodiscard]] virtual std::uint64_t give(ColdChanges piece) = 0;
  /// The number of the last piece that was taken.
  [[nodiscard]] virtual std::uint64_t taken() const = 0;
  /// Returns when the piece has been taken: only while state is restored, for it may wait for the disk.
  [[nodiscard]] virtual Status give_now(ColdChanges piece) = 0;

  /// Nothing can leave memory before the next checkpoint has it: one is to be taken as soon as may be.
  virtual void ask_for_checkpoint() = 0;
};

}  // namespace millstream::inline v0
