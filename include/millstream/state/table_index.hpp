// TableIndex: from the hash of a key to the number of its entry. Slots of eight bytes (half of them a fragment of the
// hash, so that a miss seldom touches an entry) lie in small sub-tables under a directory (extendible hashing, Fagin
// et al. 1979): the index grows by splitting one sub-table at a time, so no insertion ever stalls for a whole rehash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT TableIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  TableIndex();
  ~TableIndex();
  TableIndex(TableIndex&&) noexcept;
  TableIndex& operator=(TableIndex&&) noexcept;

  /// For each hash the entry of the first slot with the same fragment, or kNone. Nearly always the right one; the
  /// caller compares the key and goes on with find() where it is not.
  void find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* entries) const;

  /// The entry for which `equal(entry)` holds, or kNone.
  template <class Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal&& equal) const {
    const Bucket& bucket = directory_[bucket_of(hash)];
    for (std::uint32_t at = fragment(hash) & bucket.mask;; at = (at + 1) & bucket.mask) {
      const std::uint64_t slot = bucket.slots[at];
      if (slot == 0) return kNone;
      if (static_cast<std::uint32_t>(slot) == fragment(hash) && equal(entry_of(slot))) return entry_of(slot);
    }
  }
  /// The key must not be there.
  void insert(std::uint64_t hash, std::uint32_t entry);
  /// The key must be there under this entry.
  void erase(std::uint64_t hash, std::uint32_t entry);

  /// Forgets everything, a few sub-tables a call; true when it is empty. In between only clear_some may be called.
  bool clear_some();
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct SubTable {
    std::unique_ptr<std::uint64_t[]> slots;
    std::uint32_t mask;
    std::uint32_t used;
    std::uint32_t depth;  // bits of the directory that all of its keys share
  };
  // What a look-up needs of a sub-table, beside each other.
  struct Bucket {
    std::uint64_t* slots;
    std::uint32_t mask;
    std::uint32_t table;
  };
  static std::uint32_t fragment(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash); }
  static std::uint32_t entry_of(std::uint64_t slot) noexcept { return static_cast<std::uint32_t>(slot >> 32) - 1; }
  [[nodiscard]] std::size_t bucket_of(std::uint64_t hash) const noexcept {
    return (hash & 0xffffffff) >> (32 - depth_);
  }
  void grow(std::size_t bucket);
  void split(std::size_t bucket);
  void publish(std::uint32_t table, std::size_t first, std::size_t count);
  static void place(SubTable& table, std::uint64_t slot);

  std::vector<SubTable> tables_;
  std::vector<Bucket> directory_;
  std::uint32_t depth_ = 0;
  std::size_t bytes_ = 0;
  std::size_t cleared_ = 0;
};

}  // namespace millstream::inline v0
