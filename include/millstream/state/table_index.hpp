// TableIndex: from the hash of a key to the number of its entry. Eight slots, each a fragment of the hash and an entry,
// share a cache line, so a look-up compares eight fragments at once, touches one line and takes no branch that depends
// on chance. The lines lie in small sub-tables under a directory (extendible hashing, Fagin et al. 1979): the index
// grows by splitting one sub-table at a time, so no insertion ever stalls for a whole rehash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/piece_arena.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT TableIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  TableIndex();
  ~TableIndex();
  TableIndex(const TableIndex&) = delete;
  TableIndex& operator=(const TableIndex&) = delete;

  /// For each hash the entry of the first slot with the same fragment, or kNone. Nearly always the right one; the
  /// caller compares the key and goes on with find() where it is not.
  void find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* found) const;
  /// Where entries lie: entry n is number n % 2^block_bits of block n / 2^block_bits.
  struct Entries {
    void* const* blocks;
    std::uint32_t block_bits;
    std::size_t entry_bytes;
  };
  /// The same for an index and entries that do not fit the cache: asks for each line ahead of its use, and for the
  /// entry that was found.
  void find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* found, const Entries& entries) const;

  /// Asks for what a look-up of this hash touches first.
  void prefetch(std::uint64_t hash) const noexcept;

  /// The entry for which `equal(entry)` holds, or kNone.
  template <class Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal&& equal) const {
    Probe probe = begin(hash);
    while (true) {
      const std::uint32_t entry = next(probe);
      if (entry == kNone || equal(entry)) return entry;
    }
  }
  /// The entry for which `equal(entry)` holds; if there is none, the key goes in under make().
  template <class Equal, class Make>
  std::uint32_t find_or_insert(std::uint64_t hash, Equal&& equal, Make&& make) {
    Probe probe = begin(hash);
    while (true) {
      const std::uint32_t entry = next(probe);
      if (entry == kNone) break;
      if (equal(entry)) return entry;
    }
    const std::uint32_t entry = make();
    add(probe, entry);
    return entry;
  }
  /// The key must not be there.
  void insert(std::uint64_t hash, std::uint32_t entry) {
    find_or_insert(hash, [](std::uint32_t) { return false; }, [&] { return entry; });
  }
  /// The key must be there under this entry.
  void erase(std::uint64_t hash, std::uint32_t entry);

  /// Forgets everything, a few sub-tables a call; true when it is empty. In between only clear_some may be called.
  bool clear_some();
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Its memory has a limit. While it is empty.
  void bound() noexcept { growth_ = PieceArena::Growth::kBounded; }

 private:
  struct Line;
  struct SubTable {
    Line* lines;
    std::uint32_t mask;   // lines - 1
    std::uint32_t used;   // slots
    std::uint32_t depth;  // bits of the directory that all of its keys share
    bool from_arena;      // where the lines lie
  };
  // What a look-up needs of a sub-table, beside each other.
  struct Bucket {
    Line* lines;
    std::uint32_t mask;
    std::uint32_t table;
  };
  // A look-up under way: the entries of a line that match and have not been given out yet.
  struct Probe {
    Line* lines;
    std::uint32_t mask;
    std::uint32_t table;
    std::uint32_t wanted;
    std::uint32_t at;
    std::uint32_t matches;
  };
  [[nodiscard]] std::uint32_t find_first(std::uint64_t hash) const noexcept;
  // Never 0, which is what an empty slot holds.
  static std::uint32_t fragment(std::uint64_t hash) noexcept {
    const auto low = static_cast<std::uint32_t>(hash);
    return low + (low == 0 ? 1 : 0);
  }
  [[nodiscard]] std::size_t bucket_of(std::uint32_t fragment) const noexcept {
    return std::uint64_t{fragment} >> (32 - depth_);
  }
  [[nodiscard]] Probe begin(std::uint64_t hash) const noexcept;
  [[nodiscard]] static std::uint32_t next(Probe& probe) noexcept;
  /// `probe` has found nothing.
  void add(const Probe& probe, std::uint32_t entry);
  [[nodiscard]] SubTable make_table(std::uint32_t lines, std::uint32_t depth);
  void free_lines(const SubTable& table) noexcept;
  void grow(std::size_t bucket);
  void split(std::size_t bucket);
  void publish(std::uint32_t table, std::size_t first, std::size_t count);
  static void place(Line* lines, std::uint32_t mask, std::uint32_t from, std::uint32_t fragment, std::uint32_t entry);

  PieceArena::Growth growth_ = PieceArena::Growth::kFast;
  std::unique_ptr<PieceArena> arena_;  // of a large index
  std::vector<SubTable> tables_;
  std::vector<Bucket> directory_;
  std::uint32_t depth_ = 0;
  std::size_t bytes_ = 0;
  std::size_t cleared_ = 0;
};

}  // namespace millstream::inline v0
