// Which entries leave memory and when, and what comes back.
#include "millstream/state/cold_table.hpp"

#include <algorithm>
#include <bit>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/cold_round.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kLeavingPerStep = 512;                      // entries: some 50 us
constexpr std::size_t kWordsPerStep = 64;                         // of the clock's hand: 4,096 entries
constexpr std::size_t kRestoredBytesMin = std::size_t{64} << 10;  // together: each round is a file

Status unreadable() {
  // As of_a_copy() has it: a restart heals it.
  return {ErrorCode::kIo,
          "the cold store has an entry that cannot be read; start again: the job goes on from its last checkpoint"};
}

}  // namespace

/// Tells a whole checkpoint of what the store has. It is read in pieces, by readers, while the shard goes on.
class ColdTableBase::Walk final : public Sweep {
 public:
  Walk(ColdTableBase& owner, std::uint32_t state, Snapshot& to) : owner_{owner}, state_{state}, to_{to} {
    auto query = std::make_unique<ColdQuery>();
    query->kind = ColdQuery::Kind::kScan;
    query->column = owner_.column_;
    const ColdTier::Groups groups = owner_.tier_.groups();
    append_cold_group(query->first, {}, groups.first);
    append_cold_group(query->end, {}, groups.end);
    next_ = std::move(query);
  }

  bool waits() override {
    if (page_) return false;
    ColdMailbox& mailbox = owner_.tier_.mailbox();
    if (next_) ticket_ = mailbox.ask(next_);
    if (!ticket_) return true;  // more are under way than may be: the shard is woken when some come back
    page_ = mailbox.take(*ticket_);
    if (!page_) return true;
    ticket_.reset();
    at_ = 0;
    return false;
  }
  bool give_some(std::int64_t& budget) override {
    if (waits()) return false;
    if (!page_->status.ok()) return fail(of_a_copy(page_->status), budget);
    for (; at_ < page_->answer.size(); ++at_) {
      if (budget <= 0) return false;
      --budget;
      if (!give(page_->answer.key(at_), *page_->answer.value(at_))) return fail(unreadable(), budget);
    }
    if (page_->answer.next().empty()) {
      owner_.walking_ = false;
      owner_.exhausted_ = false;
      return true;
    }
    next_ = std::move(page_);
    next_->first = next_->answer.next();
    return false;
  }

 private:
  // The stage fails the job in its next step.
  bool fail(const Status& why, std::int64_t& budget) {
    if (owner_.failure_.ok()) owner_.failure_ = why;
    budget = 0;
    return false;
  }
  bool give(std::string_view stored, std::string_view value) {
    ColdKeyParts parts;
    if (!split_cold_key(stored, 0, parts)) return false;
    const std::uint32_t number = owner_.find_key(parts.rest);
    const bool told = number != TableBlocks::kNone &&
                      (owner_.changes().spill_marks()->word_of(number).told >> (number % 64) & 1) != 0;
    if (!told || mutant_is(Mutant::kToldTwice)) to_.put({state_, parts.key_group, parts.rest, value});
    return true;
  }

  ColdTableBase& owner_;
  std::uint32_t state_;
  Snapshot& to_;
  std::unique_ptr<ColdQuery> next_;  // to be asked
  std::optional<std::uint32_t> ticket_;
  std::unique_ptr<ColdQuery> page_;  // that is being given out
  std::size_t at_ = 0;
};

ColdTableBase::ColdTableBase(TableBlocks& table, std::size_t entry_bytes, ColdTier& tier, std::string_view stage)
    : table_{table},
      tier_{tier},
      column_{tier.column_of(stage)},
      entry_bytes_{entry_bytes},
      bytes_max_{tier.table_bytes()},
      high_bytes_{bytes_max_ - bytes_max_ / 8},
      low_bytes_{bytes_max_ - bytes_max_ / 4},
      piece_bytes_max_{std::min(bytes_max_ / 8, kColdPieceBytes)},
      query_{std::make_unique<ColdQuery>()},
      piece_{std::make_unique<ColdChanges>()} {}
ColdTableBase::~ColdTableBase() = default;

std::size_t ColdTableBase::bytes_to_stay() const noexcept {
  const std::size_t size = table_.size();
  if (size == 0) return 0;
  const std::size_t held = live_bytes();
  return held - static_cast<std::size_t>(static_cast<double>(held) / static_cast<double>(size) *
                                         static_cast<double>(out_.size()));
}

bool ColdTableBase::has_room(bool barrier_comes) {
  if (live_bytes() <= bytes_max_) [[likely]]
    return true;
  if (!failure_.ok() || !exhausted_ || given_ != 0 || walking_ || changes().saving()) return false;
  // All that is here has changed since the last barrier.
  if (barrier_comes) return true;
  if (!std::exchange(asked_for_checkpoint_, true)) tier_.ask_for_checkpoint();
  return false;
}

bool ColdTableBase::step() {
  if (!failure_.ok()) return false;
  if (reading_ != Reading::kNothing) return read();
  // What a save has given out may leave.
  const bool saving = changes().saving();
  if (was_saving_ && !saving) exhausted_ = false;
  was_saving_ = saving;
  const bool retired = retire();
  if (!evicting_ && live_bytes() > high_bytes_) evicting_ = bytes_to_stay() > high_bytes_;
  if (evicting_ && !exhausted_) return make_room();
  if (out_.empty() || given_ != 0 || walking_) return retired;
  give_piece();
  return true;
}

void ColdTableBase::add_question(std::uint32_t key_group, std::string_view key) {
  cold_key_.clear();
  append_cold_key(cold_key_, 0, key_group, key);
  query_->keys.add(cold_key_);
}

void ColdTableBase::ask() {
  MILLSTREAM_ASSERT(reading_ == Reading::kNothing);
  reading_ = Reading::kAsked;
  query_->column = column_;
  ticket_ = tier_.mailbox().ask(query_);
}

bool ColdTableBase::read() {
  if (reading_ == Reading::kAnswered) return false;
  ColdMailbox& mailbox = tier_.mailbox();
  // Where as many are under way as may be, the shard is woken when some come back.
  if (!ticket_) ticket_ = mailbox.ask(query_);
  if (!ticket_) return false;
  std::unique_ptr<ColdQuery> answered = mailbox.take(*ticket_);
  if (!answered) return false;
  ticket_.reset();
  query_ = std::move(answered);
  failure_ = of_a_copy(query_->status);
  for (std::size_t i = 0; i < query_->answer.size() && failure_.ok(); ++i) {
    const std::optional<std::string_view> value = query_->answer.value(i);
    if (value && !mutant_is(Mutant::kNotReadBack) && !admit(i, *value)) {
      failure_ = unreadable();
    }
  }
  query_->keys.clear();
  query_->answer.clear();
  reading_ = Reading::kAnswered;
  return true;
}

// Those of a piece that was taken leave, unless they have changed meanwhile. Not while a checkpoint is told of the
// store: it is told of them from memory, and would find them a second time.
bool ColdTableBase::retire() {
  if (given_ == 0) return false;
  if (walking_ && !mutant_is(Mutant::kWrittenWhileTold)) return false;
  if (tier_.taken() < given_ && !mutant_is(Mutant::kLeavesUntaken)) return false;
  SpillMarks& marks = *changes().spill_marks();
  leaving_.clear();
  for (std::size_t i = 0; i < kLeavingPerStep && !out_.empty(); ++i) {
    const std::uint32_t number = out_.back();
    out_.pop_back();
    SpillWord& word = marks.word_of(number);
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    word.out &= ~bit;
    const bool unchanged = (changes().saved_word(number / 64 * 64) & ~word.stale & bit) != 0;
    if (unchanged || (mutant_is(Mutant::kLeavesChanged) && !changes().saving())) leaving_.push_back(number);
  }
  evict(leaving_);
  if (out_.empty()) {
    given_ = 0;
    exhausted_ = false;
  }
  return true;
}

// The hand of a clock goes over the entries: those that were not used since it came by leave at once where the store
// has them as they are; others go into a piece, and leave when that has been taken.
bool ColdTableBase::make_room() {
  SpillMarks& marks = *changes().spill_marks();
  const bool may_write = given_ == 0 && (!walking_ || mutant_is(Mutant::kWrittenWhileTold));
  leaving_.clear();
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < kWordsPerStep && chosen < kLeavingPerStep; ++i) {
    if (bytes_to_stay() <= low_bytes_) {
      evicting_ = false;
      break;
    }
    if (fruitless_words_ > 2 * marks.words()) {
      exhausted_ = true;
      fruitless_words_ = 0;
      break;
    }
    hand_ = hand_ + 1 < marks.words() ? hand_ + 1 : 0;
    const auto first = static_cast<std::uint32_t>(hand_ * 64);
    SpillWord& word = marks.word(hand_);
    std::uint64_t candidates = changes().saved_word(first) & ~word.out;
    if (!may_write) candidates &= ~word.stale;
    std::uint64_t victims = candidates & ~word.used;
    word.used &= ~candidates;
    ++fruitless_words_;
    for (; victims != 0 && bytes_to_stay() > low_bytes_; victims &= victims - 1, ++chosen) {
      const auto number = first + static_cast<std::uint32_t>(std::countr_zero(victims));
      fruitless_words_ = 0;
      if ((word.stale >> (number % 64) & 1) != 0) {
        put_out(number);
        // Values may be large: a piece ends where it is full, not behind its word.
        if (piece_->bytes() >= piece_bytes_max_) break;
      } else {
        leaving_.push_back(number);
      }
    }
    if (!leaving_.empty()) evict(leaving_);
    leaving_.clear();
    if (may_write && !out_.empty() && piece_->bytes() >= piece_bytes_max_) {
      give_piece();
      break;
    }
  }
  return true;
}

void ColdTableBase::put_out(std::uint32_t number) {
  out_bytes_.rewind();
  std::uint32_t key_group = 0;
  const std::size_t key_bytes = encode(number, out_bytes_, key_group);
  cold_key_.clear();
  append_cold_key(cold_key_, 0, key_group, out_bytes_.view().substr(0, key_bytes));
  piece_->put(column_, cold_key_, out_bytes_.view().substr(key_bytes));
  SpillWord& word = changes().spill_marks()->word_of(number);
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  word.stale &= ~bit;
  word.out |= bit;
  out_.push_back(number);
}

void ColdTableBase::give_piece() {
  spilled_ = true;
  given_ = tier_.give(std::exchange(*piece_, {}));
}

void ColdTableBase::save(std::uint32_t state, Snapshot& snapshot) {
  asked_for_checkpoint_ = false;
  exhausted_ = false;
  was_saving_ = true;
  if (!snapshot.whole() || !spilled_ || mutant_is(Mutant::kStoreNotTold)) return;
  MILLSTREAM_ASSERT(!walking_);
  walking_ = true;
  walk_ = std::make_unique<Walk>(*this, state, snapshot);
  snapshot.later(*walk_);
}

Status ColdTableBase::restore(const StateEntry& saved) {
  cold_key_.clear();
  append_cold_key(cold_key_, 0, saved.key_group, saved.key);
  piece_->put(column_, cold_key_, saved.value);
  spilled_ = true;
  if (piece_->bytes() < std::max(piece_bytes_max_, kRestoredBytesMin)) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

Status ColdTableBase::end_restore() {
  if (piece_->empty()) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

}  // namespace millstream::inline v0
