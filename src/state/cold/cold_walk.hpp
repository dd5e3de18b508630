// ColdTableBase::Walk: what a whole checkpoint is told of what has left memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/mutants.hpp"
#include "millstream/state/cold_table.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_pages.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/erased_keys.hpp"

namespace millstream::inline v0 {

/// As of_a_copy() has it: a restart heals it.
[[nodiscard]] inline Status unreadable_entry() {
  return {ErrorCode::kIo,
          "the cold store has an entry that cannot be read; start again: the job goes on from its last checkpoint"};
}

/// Tells a whole checkpoint of what the store has, key group by key group, while the shard goes on.
class ColdTableBase::Walk final : public Sweep {
 public:
  /// `prefixed`: keys of the state have the table's prefix, too.
  Walk(ColdTableBase& owner, std::uint32_t state, bool prefixed, Snapshot& to)
      : owner_{owner},
        state_{state},
        key_{prefixed ? owner.prefix_ : std::string{}},
        key_prefix_bytes_{key_.size()},
        to_{to},
        groups_{owner.tier_.groups()},
        group_{groups_.first},
        pages_{owner.tier_, owner.column_, owner.first_cold_key(), owner.end_cold_key()} {}

  /// What the store has of these keys has been told.
  [[nodiscard]] bool is_past(std::uint32_t key_group) const noexcept { return key_group < group_; }

  bool waits() override { return pages_.waits(); }
  bool give_some(std::int64_t& budget) override {
    if (waits()) return false;
    const ColdQuery& page = pages_.page();
    if (!page.status.ok()) return fail(of_a_copy(page.status), budget);
    for (; at_ < page.answer.size(); ++at_) {
      if (budget <= 0) return false;
      --budget;
      if (!give(page.answer.key(at_), *page.answer.value(at_))) return fail(unreadable_entry(), budget);
    }
    at_ = 0;
    if (pages_.turn()) return false;
    owner_.walking_ = false;
    owner_.exhausted_ = false;
    owner_.erased_due_ = true;
    owner_.erased_->end_walk();
    owner_.erased_bytes_ = owner_.erased_->bytes();
    return true;
  }

 private:
  /// How often entries may leave for which there was no leave before: each time the hand goes over the whole table.
  static constexpr std::uint32_t kLooksAWalk = 16;

  // The stage fails the job in its next step.
  bool fail(const Status& why, std::int64_t& budget) {
    if (owner_.failure_.ok()) owner_.failure_ = why;
    budget = 0;
    return false;
  }
  bool give(std::string_view stored, std::string_view value) {
    ColdKeyParts parts;
    if (!split_cold_key(stored, owner_.prefix_.size(), parts) || parts.key_group < group_) return false;
    if (parts.key_group > group_) come_to(parts.key_group);
    if (!is_told(stored, parts.rest) || mutant_is(Mutant::kToldTwice)) {
      key_.resize(key_prefix_bytes_);
      key_.append(parts.rest);
      to_.put({state_, parts.key_group, key_, value});
    }
    return true;
  }
  [[nodiscard]] bool is_told(std::string_view stored, std::string_view key) const {
    // What is in memory of a key that was erased has come since, or is told of in its own right.
    const std::optional<bool> erased = owner_.erased_->told(stored);
    if (erased && !mutant_is(Mutant::kErasedTold)) return *erased;
    const std::uint32_t number = owner_.find_key(key);
    return number != TableBlocks::kNone &&
           (owner_.changes_.spill_marks()->word_of(number).told >> (number % 64) & 1) != 0;
  }
  void come_to(std::uint32_t key_group) {
    group_ = key_group;
    if (group_ - looked_at_ < (groups_.end - groups_.first) / kLooksAWalk) return;
    looked_at_ = group_;
    owner_.exhausted_ = false;
    owner_.erased_due_ = true;
  }

  ColdTableBase& owner_;
  std::uint32_t state_;
  std::string key_;
  std::size_t key_prefix_bytes_;
  Snapshot& to_;
  ColdTier::Groups groups_;
  std::uint32_t group_;               // that is being given out
  std::uint32_t looked_at_ = group_;  // when entries could leave last
  ColdPages pages_;
  std::size_t at_ = 0;  // of the page
};

}  // namespace millstream::inline v0
