// ColdReaders: threads that read the cold store for shards, which never wait for a disk. A shard asks its mailbox, goes
// on, is woken, and takes the answer. Questions and answers change hands by two atomics a mailbox and question,
// whatever the number of keys in it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/random.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/waker.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0 {

/// A question and, once it is answered, its answer. It goes to a reader and comes back, so its memory is used again.
struct ColdQuery {
  enum class Kind { kGet, kScan };
  Kind kind = Kind::kGet;
  std::uint32_t column = 0;
  ColdKeys keys;      ///< of a get
  std::string first;  ///< of a scan, and below too
  std::string end;
  ColdPiece piece;

  Status status;  ///< kCancelled where the readers were closed before it was read
  ColdAnswer answer;
};

/// Questions of one shard that are under way: what two batches of each of its stages need, and bits of a word.
inline constexpr std::size_t kColdQueriesMax = 64;

/// One shard's end, for its thread alone.
class MILLSTREAM_EXPORT ColdMailbox {
 public:
  /// Names a question until it is taken.
  using Ticket = std::uint32_t;

  /// Hands the question to the readers. Where kColdQueriesMax are under way it stays with the caller, and there is no
  /// ticket: take answers first. After close() it is answered at once, with kCancelled.
  [[nodiscard]] std::optional<Ticket> ask(std::unique_ptr<ColdQuery>& query);
  /// The question with its answer, null while there is none yet. After the shard was woken, or at any time.
  [[nodiscard]] std::unique_ptr<ColdQuery> take(Ticket ticket);
  /// Whether take() would give something to somebody: what a shard looks at before it sleeps.
  [[nodiscard]] bool has_answers() const noexcept { return answered_.load(std::memory_order_acquire) != 0; }
  /// Asked and not taken yet.
  [[nodiscard]] std::size_t pending() const noexcept;

 private:
  friend class ColdReaders;
  class ColdReaders* readers_ = nullptr;
  Waker waker_;
  std::uint64_t used_ = 0;  // slots, of the shard alone
  std::array<std::unique_ptr<ColdQuery>, kColdQueriesMax> slots_;
  // A slot is the shard's but while its bit is on its way from asked_ to answered_.
  alignas(kCacheLine) std::atomic<std::uint64_t> asked_{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> answered_{0};
};

class MILLSTREAM_EXPORT ColdReaders {
 public:
  /// A mailbox for each waker; `store` must outlive this. With 0 threads nothing is read but by step().
  ColdReaders(ColdStore& store, std::size_t threads, std::vector<Waker> wakers);
  ColdReaders(const ColdReaders&) = delete;
  ColdReaders& operator=(const ColdReaders&) = delete;
  /// Closes. Mailboxes end with it.
  ~ColdReaders();

  [[nodiscard]] ColdMailbox& mailbox(std::size_t shard) { return *mailboxes_[shard]; }
  /// Answers one question, any that `random` likes; false where there is none. Only with 0 threads.
  bool step(Random& random);
  /// Ends the threads: what is being read is finished, all other questions are answered with kCancelled. While no
  /// shard asks.
  void close();

 private:
  friend class ColdMailbox;
  void run(std::size_t reader);
  /// Takes a question that waits, beginning to look at a place that `turn` names; null where there is none.
  ColdMailbox* claim(std::uint64_t turn, std::size_t& slot);
  void answer(ColdMailbox& mailbox, std::size_t slot);
  void give_back(ColdMailbox& mailbox, std::size_t slot);

  ColdStore& store_;
  std::vector<std::unique_ptr<ColdMailbox>> mailboxes_;
  std::vector<std::thread> threads_;
  std::atomic<bool> closed_{false};
  alignas(kCacheLine) std::atomic<std::uint32_t> bell_{0};  // rings with each question
};

}  // namespace millstream::inline v0
