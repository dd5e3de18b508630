// ColdTableBase::Walk: what a whole checkpoint is told of what has left memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/state/cold_table.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/erased_keys.hpp"

namespace millstream::inline v0 {

/// As of_a_copy() has it: a restart heals it.
[[nodiscard]] inline Status unreadable_entry() {
  return {ErrorCode::kIo,
          "the cold store has an entry that cannot be read; start again: the job goes on from its last checkpoint"};
}

/// Tells a whole checkpoint of what the store has, key group by key group. It is read in pages, by readers, while the
/// shard goes on: one page is read while the one before is given out.
class ColdTableBase::Walk final : public Sweep {
 public:
  Walk(ColdTableBase& owner, std::uint32_t state, Snapshot& to)
      : owner_{owner}, state_{state}, to_{to}, groups_{owner.tier_.groups()}, group_{groups_.first} {
    next_ = std::make_unique<ColdQuery>();
    spare_ = std::make_unique<ColdQuery>();
    for (ColdQuery* query : {next_.get(), spare_.get()}) {
      query->kind = ColdQuery::Kind::kScan;
      query->column = owner_.column_;
      append_cold_group(query->end, owner_.prefix_, groups_.end);
    }
    append_cold_group(next_->first, owner_.prefix_, groups_.first);
    ask();
  }

  /// What the store has of these keys has been told.
  [[nodiscard]] bool is_past(std::uint32_t key_group) const noexcept { return key_group < group_; }

  bool waits() override {
    ask();
    if (page_) return false;
    if (!ticket_) return true;  // more are under way than may be: the shard is woken when some come back
    page_ = owner_.tier_.mailbox().take(*ticket_);
    if (!page_) return true;
    ticket_.reset();
    at_ = 0;
    if (page_->status.ok() && !page_->answer.next().empty()) {
      next_ = std::move(spare_);
      next_->first = page_->answer.next();
      ask();
    }
    return false;
  }
  bool give_some(std::int64_t& budget) override {
    if (waits()) return false;
    if (!page_->status.ok()) return fail(of_a_copy(page_->status), budget);
    for (; at_ < page_->answer.size(); ++at_) {
      if (budget <= 0) return false;
      --budget;
      if (!give(page_->answer.key(at_), *page_->answer.value(at_))) return fail(unreadable_entry(), budget);
    }
    if (page_->answer.next().empty()) {
      owner_.walking_ = false;
      owner_.exhausted_ = false;
      owner_.erased_due_ = true;
      owner_.erased_->end_walk();
      owner_.erased_bytes_ = owner_.erased_->bytes();
      page_.reset();
      spare_.reset();
      return true;
    }
    spare_ = std::move(page_);
    return false;
  }

 private:
  /// How often entries may leave for which there was no leave before: each time the hand goes over the whole table.
  static constexpr std::uint32_t kLooksAWalk = 16;

  void ask() {
    if (next_) ticket_ = owner_.tier_.mailbox().ask(next_);
  }
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
      to_.put({state_, parts.key_group, parts.rest, value});
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
  Snapshot& to_;
  ColdTier::Groups groups_;
  std::uint32_t group_;                        // that is being given out
  std::uint32_t looked_at_ = group_;           // when entries could leave last
  std::unique_ptr<ColdQuery> next_;            // to be asked
  std::optional<ColdMailbox::Ticket> ticket_;  // of the one that is being read
  std::unique_ptr<ColdQuery> page_;            // that is being given out
  std::unique_ptr<ColdQuery> spare_;
  std::size_t at_ = 0;
};

}  // namespace millstream::inline v0
