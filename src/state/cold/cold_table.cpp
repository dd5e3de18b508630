// Which entries leave memory and when, and what comes back.
#include "millstream/state/cold_table.hpp"

#include <algorithm>
#include <bit>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"
#include "state/cold/cold_expiry.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_pages.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/cold_round.hpp"
#include "state/cold/cold_walk.hpp"
#include "state/cold/erased_keys.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kLeavingPerStep = 512;  // entries: some 50 us
constexpr std::size_t kWordsPerStep = 64;     // of the clock's hand: 4,096 entries
constexpr std::size_t kCameShare = 16;        // of the entries in memory, one of so many
constexpr std::size_t kKeysOfQuestion = 128;  // some 300 us of a reader, ten times a wake-up

}  // namespace

ColdTableBase::ColdTableBase(const TableBlocks& table, EntryChanges& changes, std::size_t entry_bytes, ColdTier& tier,
                             std::string_view stage, std::string prefix)
    : table_{table},
      changes_{changes},
      tier_{tier},
      prefix_{std::move(prefix)},
      column_{tier.column_of(stage)},
      entry_bytes_{entry_bytes},
      piece_{std::make_unique<ColdChanges>()},
      erased_{std::make_unique<ErasedKeys>()} {
  share(1);
}
ColdTableBase::~ColdTableBase() = default;

void ColdTableBase::share(std::size_t tables) {
  bytes_max_ = tier_.table_bytes() / tables;
  high_bytes_ = bytes_max_ - bytes_max_ / 8;
  low_bytes_ = bytes_max_ - bytes_max_ / 4;
  piece_bytes_max_ = std::min(bytes_max_ / 8, kColdPieceBytes / tables);
}

std::size_t ColdTableBase::bytes_to_stay() const noexcept {
  const std::size_t size = table_.size();
  if (size == 0) return live_bytes();
  const std::size_t held = entries_bytes();
  // Some that are out may have been erased.
  const std::size_t leaving = std::min(out_.size(), size);
  return live_bytes() -
         static_cast<std::size_t>(static_cast<double>(held) / static_cast<double>(size) * static_cast<double>(leaving));
}

// All that is here has changed since the last barrier.
bool ColdTableBase::none_can_leave() const noexcept {
  return failure_.ok() && exhausted_ && given_ == 0 && !walking_ && !changes_.saving();
}

bool ColdTableBase::has_room(bool barrier_comes) {
  const std::size_t held = live_bytes();
  if (held <= high_bytes_) [[likely]]
    return true;
  const bool none = none_can_leave();
  // While there is still room: it takes some time to come.
  if (none && !barrier_comes && !std::exchange(asked_for_checkpoint_, true)) tier_.ask_for_checkpoint();
  return held <= bytes_max_ || (none && barrier_comes);
}

// A checkpoint was told of it from memory, and is yet to come by it in the store: were it not here, it would be told of
// it once more.
bool ColdTableBase::is_awaited(std::uint32_t number, const SpillWord& word) const {
  if (!walking_ || (word.told >> (number % 64) & 1) == 0 || mutant_is(Mutant::kLeavesWhileTold)) return false;
  return !walk_->is_past(key_group(number));
}

bool ColdTableBase::step() {
  if (!failure_.ok()) return false;
  if (reading_ != Reading::kNothing) return read();
  const bool looked = expiry_ && expiry_->step();
  return leave() || looked;
}

bool ColdTableBase::leave() {
  // What a save has given out may leave.
  const bool saving = changes_.saving();
  if (was_saving_ && !saving) exhausted_ = false;
  was_saving_ = saving;
  const bool retired = retire();
  if (!evicting_ && all_live_bytes() > high_bytes_) evicting_ = all_bytes_to_stay() > high_bytes_;
  if (evicting_ && !exhausted_) return make_room();
  if (given_ != 0) return retired;
  // Few keys that have gone are no reason for a round.
  const bool many_erased = erased_bytes_ > piece_bytes_max_ / 2 || live_bytes() > high_bytes_;
  if (out_.empty() && !(many_erased && erased_due_ && erased_->waiting() > 0)) return retired;
  give_piece();
  return true;
}

void ColdTableBase::set_cold_key(std::uint32_t key_group, std::string_view key) {
  cold_key_.clear();
  append_cold_group(cold_key_, prefix_, key_group);
  cold_key_.append(key);
}

bool ColdTableBase::is_past(std::string_view cold_key) const {
  ColdKeyParts parts;
  const bool is_key = split_cold_key(cold_key, prefix_.size(), parts);
  MILLSTREAM_ASSERT(is_key);
  return !walking_ || walk_->is_past(parts.key_group);
}

bool ColdTableBase::add_question(std::uint32_t key_group, std::string_view key) {
  set_cold_key(key_group, key);
  if (!erased_->empty() && erased_->contains(cold_key_)) return false;
  if (questions_used_ == 0 || questions_[questions_used_ - 1].query->keys.size() == kKeysOfQuestion) {
    if (questions_used_ == questions_.size()) questions_.push_back({std::make_unique<ColdQuery>(), {}});
    ++questions_used_;
  }
  questions_[questions_used_ - 1].query->keys.add(cold_key_);
  return true;
}

void ColdTableBase::note_erased(std::uint32_t number) {
  // What is in memory alone is gone with that. If its key was erased before, and came back, that is known still.
  const SpillWord& word = changes_.spill_marks()->word_of(number);
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  if ((word.there & bit) == 0 || mutant_is(Mutant::kErasedStays)) return;
  out_bytes_.rewind();
  encode_key(number, out_bytes_);
  set_cold_key(key_group(number), out_bytes_.view());
  erased_->add(cold_key_, walking_ && (word.told & bit) != 0);
  erased_bytes_ = erased_->bytes();
}

void ColdTableBase::ask() {
  MILLSTREAM_ASSERT(reading_ == Reading::kNothing && questions_used_ > 0);
  reading_ = Reading::kAsked;
  for (std::size_t i = 0; i < questions_used_; ++i) {
    Question& question = questions_[i];
    question.answered = false;
    question.query->column = column_;
    question.ticket = tier_.mailbox().ask(question.query);
  }
}

bool ColdTableBase::read() {
  if (reading_ != Reading::kAsked) return false;
  ColdMailbox& mailbox = tier_.mailbox();
  bool advanced = false;
  bool all = true;
  for (std::size_t i = 0; i < questions_used_; ++i) {
    Question& question = questions_[i];
    if (question.answered) continue;
    // Where as many are under way as may be, the shard is woken when some come back.
    if (!question.ticket) question.ticket = mailbox.ask(question.query);
    std::unique_ptr<ColdQuery> answered = question.ticket ? mailbox.take(*question.ticket) : nullptr;
    if (!answered) {
      all = false;
      continue;
    }
    advanced = true;
    question.ticket.reset();
    question.query = std::move(answered);
    question.answered = true;
    take_answer(*question.query, i * kKeysOfQuestion);
    question.query->keys.clear();
    question.query->answer.clear();
  }
  if (!all) return advanced;
  // Where they are few, looking for them takes longer than they are worth.
  if (exhausted_ && came_ > table_.size() / kCameShare) exhausted_ = false;
  questions_used_ = 0;
  reading_ = Reading::kAnswered;
  return true;
}

// To the keys that were asked for from the `first` on.
void ColdTableBase::take_answer(const ColdQuery& answered, std::size_t first) {
  if (failure_.ok()) failure_ = of_a_copy(answered.status);
  for (std::size_t i = 0; i < answered.answer.size() && failure_.ok(); ++i) {
    const std::optional<std::string_view> value = answered.answer.value(i);
    if (!value || mutant_is(Mutant::kNotReadBack)) continue;
    if (!admit(first + i, *value)) failure_ = unreadable_entry();
    ++came_;
  }
}

// Those of a piece that was taken leave, unless they have changed meanwhile.
bool ColdTableBase::retire() {
  if (given_ == 0) return false;
  if (tier_.taken() < given_ && !mutant_is(Mutant::kLeavesUntaken)) return false;
  SpillMarks& marks = *changes_.spill_marks();
  leaving_.clear();
  for (std::size_t i = 0; i < kLeavingPerStep && !out_.empty(); ++i) {
    const std::uint32_t number = out_.back();
    out_.pop_back();
    SpillWord& word = marks.word_of(number);
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    // It was erased, and its place may be another's by now.
    if ((word.out & bit) == 0) continue;
    word.out &= ~bit;
    const std::uint64_t stale = mutant_is(Mutant::kLeavesChanged) ? 0 : word.stale;
    const bool leaves = (changes_.saved_word(number / 64 * 64) & ~stale & bit) != 0;
    if (leaves && !is_awaited(number, word)) leaving_.push_back(number);
  }
  evict(leaving_);
  ++retired_;
  if (out_.empty()) {
    given_ = 0;
    exhausted_ = false;
    erased_->taken([this](std::string_view key) { return !is_past(key); });
    erased_bytes_ = erased_->bytes();
  }
  return true;
}

// Entries of a word that a checkpoint is yet to come by stay.
std::uint64_t ColdTableBase::without_awaited(std::uint64_t candidates, std::uint32_t first,
                                             const SpillWord& word) const {
  if (!walking_) return candidates;
  for (std::uint64_t told = candidates & word.told; told != 0; told &= told - 1) {
    const auto at = static_cast<std::uint32_t>(std::countr_zero(told));
    if (is_awaited(first + at, word)) candidates &= ~(std::uint64_t{1} << at);
  }
  return candidates;
}

// The hand of a clock goes over the entries: those that were not used since it came by leave at once where the store
// has them as they are; others go into a piece, and leave when that has been taken.
bool ColdTableBase::make_room() {
  SpillMarks& marks = *changes_.spill_marks();
  const bool may_write = given_ == 0;
  leaving_.clear();
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < kWordsPerStep && chosen < kLeavingPerStep; ++i) {
    if (all_bytes_to_stay() <= low_bytes_) {
      evicting_ = false;
      break;
    }
    if (marks.words() == 0 || fruitless_words_ > 2 * marks.words()) {
      exhausted_ = true;
      fruitless_words_ = 0;
      came_ = 0;
      break;
    }
    hand_ = hand_ + 1 < marks.words() ? hand_ + 1 : 0;
    const auto first = static_cast<std::uint32_t>(hand_ * 64);
    SpillWord& word = marks.word(hand_);
    std::uint64_t candidates = changes_.saved_word(first) & ~word.out;
    if (!may_write) candidates &= ~word.stale;
    candidates = without_awaited(candidates, first, word);
    std::uint64_t victims = candidates & ~word.used;
    word.used &= ~candidates;
    ++fruitless_words_;
    for (; victims != 0 && all_bytes_to_stay() > low_bytes_; victims &= victims - 1, ++chosen) {
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
  encode_key(number, out_bytes_);
  set_cold_key(key_group(number), out_bytes_.view());
  if (!erased_->empty()) erased_->forget(cold_key_);
  out_bytes_.rewind();
  encode_value(number, out_bytes_);
  piece_->put(column_, cold_key_, out_bytes_.view());
  SpillWord& word = changes_.spill_marks()->word_of(number);
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  word.stale &= ~bit;
  word.out |= bit;
  word.there |= bit;
  out_.push_back(number);
}

// Keys that have gone since go with it, but those that a walk is yet to find in the store.
void ColdTableBase::give_piece() {
  erased_->give([this](std::string_view key) { return is_past(key); },
                [this](std::string_view key) {
                  piece_->remove(column_, key);
                  return piece_->bytes() < 2 * piece_bytes_max_;
                });
  erased_due_ = !walking_;
  if (piece_->empty()) return;
  spilled_ = true;
  given_ = tier_.give(std::exchange(*piece_, {}));
}

void ColdTableBase::save(std::uint32_t state, Snapshot& snapshot) {
  if (Sweep* const walk = begin_walk(state, false, snapshot)) snapshot.later(*walk);
}

Sweep* ColdTableBase::begin_walk(std::uint32_t state, bool prefixed, Snapshot& snapshot) {
  asked_for_checkpoint_ = false;
  exhausted_ = false;
  was_saving_ = true;
  if (!snapshot.whole() || !spilled_ || mutant_is(Mutant::kStoreNotTold)) return nullptr;
  MILLSTREAM_ASSERT(!walking_);
  walking_ = true;
  erased_->begin_walk();
  walk_ = std::make_unique<Walk>(*this, state, prefixed, snapshot);
  return walk_.get();
}

std::string ColdTableBase::cold_key_of(std::uint32_t key_group) const {
  std::string key;
  append_cold_group(key, prefix_, key_group);
  return key;
}

void ColdTableBase::begin_stored(ColdTier::Groups groups) {
  MILLSTREAM_ASSERT(reading_ == Reading::kNothing);
  stored_ = std::make_unique<ColdPages>(tier_, column_, cold_key_of(groups.first), cold_key_of(groups.end));
  stored_at_ = 0;
}

bool ColdTableBase::stored_waits() { return stored_ && !mutant_is(Mutant::kNotFiredFromStore) && stored_->waits(); }

ColdTableBase::Stored ColdTableBase::next_stored(std::string_view& key, std::string_view& value) {
  if (mutant_is(Mutant::kNotFiredFromStore)) return Stored::kEnd;
  while (failure_.ok() && !stored_->waits()) {
    const ColdQuery& page = stored_->page();
    if (!page.status.ok()) {
      failure_ = of_a_copy(page.status);
      break;
    }
    if (stored_at_ < page.answer.size()) {
      ColdKeyParts parts;
      if (!split_cold_key(page.answer.key(stored_at_), prefix_.size(), parts)) {
        stored_is_unreadable();
        break;
      }
      key = parts.rest;
      value = *page.answer.value(stored_at_++);
      return Stored::kEntry;
    }
    stored_at_ = 0;
    if (stored_->turn()) continue;
    stored_.reset();
    return Stored::kEnd;
  }
  return Stored::kWaits;
}

void ColdTableBase::stored_is_unreadable() { failure_ = unreadable_entry(); }

void ColdTableBase::expire(Duration ttl) { expiry_ = std::make_unique<Expiry>(*this, ttl); }

void ColdTableBase::mark_restored(std::uint32_t number) {
  changes_.restored(number);
  if (mutant_is(Mutant::kRestoredNotWritten)) changes_.spill_marks()->word_of(number).stale = 0;
}

void ColdTableBase::restore(const StateEntry& saved, std::string_view key, ColdChanges& piece) {
  set_cold_key(saved.key_group, key);
  piece.put(column_, cold_key_, saved.value);
  spilled_ = true;
}

Status ColdTableBase::restore(const StateEntry& saved) {
  restore(saved, saved.key, *piece_);
  if (piece_->bytes() < std::max(piece_bytes_max_, kColdRestoredBytesMin)) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

Status ColdTableBase::end_restore() {
  if (piece_->empty()) return {};
  return tier_.give_now(std::exchange(*piece_, {}));
}

}  // namespace millstream::inline v0
