// Pieces of shards become rounds of the store.
#include "runtime/spiller.hpp"

#include <exception>
#include <iterator>
#include <utility>

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kRoundBytes = std::size_t{32} << 20;  // then what else has come waits for the next
constexpr std::int64_t kLookForRoomNs = 5'000'000;          // merging takes far longer

}  // namespace

Spiller::Spiller(ColdStore& store, Clock& clock, std::vector<Waker> wakers,
                 std::function<void(ColdStore&)> wait_for_room, std::function<void(const Status&)> fail)
    : store_{store},
      clock_{clock},
      wakers_{std::move(wakers)},
      wait_for_room_{std::move(wait_for_room)},
      fail_{std::move(fail)},
      shares_(wakers_.size()) {}

std::uint64_t Spiller::give(std::uint32_t shard, ColdChanges piece) {
  const std::uint64_t number = ++shares_[shard].given;
  {
    const std::scoped_lock lock{mutex_};
    pieces_.push_back({shard, number, std::move(piece)});
  }
  wake();
  return number;
}

Status Spiller::give_now(ColdChanges piece) {
  ColdRound round;
  round.add(std::move(piece));
  const std::scoped_lock lock{writing_};
  while (true) {
    const Status room = store_.room();
    if (room.ok()) return ingest(round);
    if (room.code() != ErrorCode::kUnavailable) return room;
    wait_for_room_(store_);
  }
}

std::vector<Spiller::Piece> Spiller::next_pieces() {
  const std::scoped_lock lock{mutex_};
  std::size_t bytes = 0;
  auto end = pieces_.begin();
  const auto fits = [&](const Piece& piece) {
    return bytes == 0 || (bytes < kRoundBytes && bytes + piece.changes.bytes() <= kColdRoundBytesMax);
  };
  while (end != pieces_.end() && fits(*end)) bytes += (end++)->changes.bytes();
  std::vector<Piece> next{std::make_move_iterator(pieces_.begin()), std::make_move_iterator(end)};
  pieces_.erase(pieces_.begin(), end);
  return next;
}

Status Spiller::ingest(const ColdRound& round) {
  Status ingested = store_.ingest(round);
  if (ingested.ok()) spilled_bytes_.fetch_add(round.bytes(), std::memory_order_relaxed);
  return ingested;
}

void Spiller::step() {
  if (failed_ || deadline_ns() > clock_.monotonic_ns()) return;
  try {
    make_round();
  } catch (const std::exception& thrown) {  // out of memory, for one: no reason to end the process
    fail({ErrorCode::kInternal, thrown.what()});
  }
}

void Spiller::fail(const Status& why) {
  failed_ = true;
  fail_(of_a_copy(why).at("spilling state"));
}

void Spiller::make_round() {
  Status done;
  std::vector<Piece> pieces;
  {
    const std::scoped_lock lock{writing_};
    done = store_.room();
    if (done.code() == ErrorCode::kUnavailable) {
      retry_at_ns_ = clock_.monotonic_ns() + kLookForRoomNs;
      return;
    }
    if (done.ok()) {
      pieces = next_pieces();
      ColdRound round;
      for (Piece& piece : pieces) round.add(std::move(piece.changes));
      done = ingest(round);
    }
  }
  if (!done.ok()) return fail(done);
  for (const Piece& piece : pieces) {
    shares_[piece.shard].taken.store(piece.number, std::memory_order_release);  // pairs with the acquire in taken()
    wakers_[piece.shard].wake();
  }
}

std::int64_t Spiller::deadline_ns() const {
  const std::scoped_lock lock{mutex_};
  return pieces_.empty() || failed_ ? kNeverNs : retry_at_ns_;
}

}  // namespace millstream::inline v0
