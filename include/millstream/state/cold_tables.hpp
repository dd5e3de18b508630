// ColdTables: the tables of one stage that come and go, as slices of event time do. Together they have one share of
// memory, so one that nothing is added to any more gives way to the others; and what the store has of a table that goes
// is one range, which goes as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/status.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/cold_tier.hpp"

namespace millstream::inline v0 {

/// Belongs to the stage. The tables, whose prefixes differ, outlive it or are dropped.
class MILLSTREAM_EXPORT ColdTables final : public Sweep {
 public:
  ColdTables(ColdTier& tier, std::string stage);
  ~ColdTables() override;
  ColdTables(const ColdTables&) = delete;
  ColdTables& operator=(const ColdTables&) = delete;

  [[nodiscard]] ColdTier& tier() noexcept { return tier_; }
  [[nodiscard]] const std::string& stage() const noexcept { return stage_; }

  /// A table without entries. Where `spilled`, the store has something of it already.
  void add(ColdTableBase& table, bool spilled = false);
  /// Nothing of it is on its way to the store or to a checkpoint, and nobody reads: it may be dropped or taken out.
  [[nodiscard]] static bool may_go(const ColdTableBase& table) noexcept;
  /// It goes, and what the store has of it.
  void drop(ColdTableBase& table);
  /// It goes, but what the store has of it stays.
  void take_out(ColdTableBase& table);

  /// ColdTableBase::has_room() for all of them.
  [[nodiscard]] bool has_room(bool barrier_comes);
  /// So much that step() would let something leave, if it may.
  [[nodiscard]] bool is_full() const noexcept { return !fits() && live_bytes() > high_bytes_; }
  /// What the tables take, places and all, whenever it changes: while that fits, nobody has to ask each of them.
  void count_tables(std::size_t bytes) noexcept { table_bytes_ = bytes; }
  /// What the stage holds beside the tables counts in the share.
  void count_kept(std::size_t bytes) noexcept { kept_bytes_ = bytes; }
  [[nodiscard]] std::size_t share_bytes() const noexcept { return bytes_max_; }
  /// A bounded piece of letting entries leave, those of the first tables first; true if something was done. Each step
  /// between two batches.
  bool step();
  /// Why the stage cannot go on: the store cannot be read.
  [[nodiscard]] Status failure() const;
  /// Something of them is in the store.
  [[nodiscard]] bool any_spilled() const noexcept;
  /// Keys of a batch that were asked for are on their way; read() takes what has come.
  [[nodiscard]] bool reading() const noexcept;
  bool read();
  /// All of them are here: resolve them at once.
  void done_waiting() noexcept;

  /// Behind save_table() of that table, for each of which a checkpoint is told: what is in the store and not in memory
  /// comes later, as entries of `state` whose keys have the table's prefix.
  void save(ColdTableBase& table, std::uint32_t state, Snapshot& snapshot);
  /// Behind the last one: one table after the other, so that no more is read than is given out.
  void end_save(Snapshot& snapshot);
  bool give_some(std::int64_t& budget) override;
  [[nodiscard]] bool waits() override;

  /// What is restored now goes to the store.
  [[nodiscard]] bool restores_to_store() const noexcept;
  /// An entry by its key without the prefix.
  [[nodiscard]] Status restore(ColdTableBase& table, const StateEntry& saved, std::string_view key);
  /// Behind the last of them.
  [[nodiscard]] Status end_restore();

 private:
  [[nodiscard]] std::size_t live_bytes() const noexcept;
  // For certain.
  [[nodiscard]] bool fits() const noexcept {
    return table_bytes_ <= high_bytes_ && kept_bytes_ <= high_bytes_ - table_bytes_;
  }

  ColdTier& tier_;
  std::string stage_;
  std::size_t bytes_max_;
  std::size_t high_bytes_;
  std::size_t low_bytes_;
  std::vector<ColdTableBase*> tables_;  // in the order in which they came
  std::size_t table_bytes_ = SIZE_MAX;  // of them, at most
  std::size_t kept_bytes_ = 0;          // of what the stage holds beside them
  bool at_rest_ = true;                 // nothing of them is in the store, or on its way there
  std::deque<Sweep*> walks_;            // that a checkpoint is yet to be told of
  bool asked_for_checkpoint_ = false;   // since the last barrier
  std::unique_ptr<ColdChanges> piece_;  // ranges of tables that have gone; what is restored
  std::uint64_t given_ = 0;             // the number of the last such piece
};

}  // namespace millstream::inline v0
