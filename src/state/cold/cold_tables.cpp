// How tables share, and how they go.
#include "millstream/state/cold_tables.hpp"

#include <algorithm>
#include <utility>

#include "millstream/core/assert.hpp"
#include "state/cold/cold_round.hpp"

namespace millstream::inline v0 {

ColdTables::ColdTables(ColdTier& tier, std::string stage)
    : tier_{tier},
      stage_{std::move(stage)},
      bytes_max_{tier.table_bytes()},
      high_bytes_{bytes_max_ - bytes_max_ / 8},
      low_bytes_{bytes_max_ - bytes_max_ / 4},
      piece_{std::make_unique<ColdChanges>()} {}
ColdTables::~ColdTables() = default;

void ColdTables::add(ColdTableBase& table, bool spilled) {
  table.spilled_ = spilled;
  if (spilled) at_rest_ = false;
  tables_.push_back(&table);
}

bool ColdTables::may_go(const ColdTableBase& table) noexcept {
  return !table.walking_ && table.was_taken() && !table.stored_ && table.reading_ == ColdTableBase::Reading::kNothing;
}

void ColdTables::drop(ColdTableBase& table) {
  take_out(table);
  // A round removes ranges ahead of what it puts, so a piece of the table that is under way would survive this one.
  if (table.spilled_) piece_->remove_range(table.column_, table.first_cold_key(), table.end_cold_key());
}

void ColdTables::take_out(ColdTableBase& table) {
  MILLSTREAM_ASSERT(may_go(table));
  const auto at = std::find(tables_.begin(), tables_.end(), &table);
  MILLSTREAM_ASSERT(at != tables_.end());
  tables_.erase(at);
}

std::size_t ColdTables::live_bytes() const noexcept {
  std::size_t bytes = kept_bytes_;
  for (const ColdTableBase* table : tables_) bytes += table->live_bytes();
  return bytes;
}

bool ColdTables::has_room(bool barrier_comes) {
  if (at_rest_ && fits()) return true;
  const std::size_t held = live_bytes();
  if (held <= high_bytes_) [[likely]]
    return true;
  const bool none_can_leave =
      std::all_of(tables_.begin(), tables_.end(), [](const ColdTableBase* table) { return table->none_can_leave(); });
  // While there is still room: it takes some time to come.
  if (none_can_leave && !barrier_comes && !std::exchange(asked_for_checkpoint_, true)) tier_.ask_for_checkpoint();
  return held <= bytes_max_ || (none_can_leave && barrier_comes);
}

bool ColdTables::step() {
  if (at_rest_ && fits()) return false;
  // A piece for many tables that go: each is a file of the store.
  if (!piece_->empty() && tier_.taken() >= given_) given_ = tier_.give(std::exchange(*piece_, {}));
  const std::size_t live = live_bytes();
  const auto at_work = [](const ColdTableBase* table) {
    return table->given_ != 0 || table->evicting_ || !table->out_.empty();
  };
  if (live <= high_bytes_ && std::none_of(tables_.begin(), tables_.end(), at_work)) return false;
  at_rest_ = false;
  std::size_t staying = kept_bytes_;
  for (const ColdTableBase* table : tables_) staying += table->bytes_to_stay();
  for (ColdTableBase* table : tables_) {
    table->live_beside_ = live - table->live_bytes();
    table->staying_beside_ = staying - table->bytes_to_stay();
    // Pieces of all of them take no more than one table's would.
    table->piece_bytes_max_ = std::min(bytes_max_ / 8, kColdPieceBytes) / tables_.size();
    if (table->step()) return true;
  }
  return false;
}

Status ColdTables::failure() const {
  if (at_rest_) return {};
  for (const ColdTableBase* table : tables_) {
    if (!table->failure_.ok()) return table->failure_;
  }
  return {};
}

bool ColdTables::any_spilled() const noexcept {
  const auto spilled = [](const ColdTableBase* table) { return table->spilled_; };
  return !at_rest_ && std::any_of(tables_.begin(), tables_.end(), spilled);
}

bool ColdTables::reading() const noexcept {
  return std::any_of(tables_.begin(), tables_.end(), [](const ColdTableBase* table) { return table->reading(); });
}

bool ColdTables::read() {
  bool done = false;
  for (ColdTableBase* table : tables_) done = table->read() || done;
  return done;
}

void ColdTables::done_waiting() noexcept {
  for (ColdTableBase* table : tables_) table->done_waiting();
}

void ColdTables::save(ColdTableBase& table, std::uint32_t state, Snapshot& snapshot) {
  if (Sweep* const walk = table.begin_walk(state, true, snapshot)) walks_.push_back(walk);
}

void ColdTables::end_save(Snapshot& snapshot) {
  asked_for_checkpoint_ = false;
  if (!walks_.empty()) snapshot.later(*this);
}

bool ColdTables::waits() { return !walks_.empty() && walks_.front()->waits(); }

bool ColdTables::give_some(std::int64_t& budget) {
  while (!walks_.empty()) {
    if (budget <= 0 || !walks_.front()->give_some(budget)) return false;
    walks_.pop_front();
  }
  return true;
}

bool ColdTables::restores_to_store() const noexcept { return live_bytes() >= low_bytes_; }

Status ColdTables::restore(ColdTableBase& table, const StateEntry& saved, std::string_view key) {
  at_rest_ = false;
  table.restore(saved, key, *piece_);
  if (piece_->bytes() < std::max(std::min(bytes_max_ / 8, kColdPieceBytes), kColdRestoredBytesMin)) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

Status ColdTables::end_restore() {
  if (piece_->empty()) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

}  // namespace millstream::inline v0
