// The two cold stores with what they stand on, under one interface, so that the same tests run on both: RocksDB on the
// real disk (where the build has it), the ordered store on a simulated one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "connectors/temporary_folder.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/random.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_store.hpp"
#include "testing/ordered_cold_store.hpp"

namespace millstream::test {

using StoreResult = Result<std::unique_ptr<ColdStore>>;

class RocksWorld {
 public:
  FileSystem& files() { return posix_file_system(); }
  [[nodiscard]] std::string path(std::string_view name) const { return folder_ / name; }
  StoreResult open(ColdStoreOptions options) { return open_cold_store(files(), std::move(options)); }
  void merge(ColdStore&) {}  // it does so by itself
  [[nodiscard]] std::string read(const std::string& path) const { return testing::TemporaryFolder::read(path); }
  /// Another file in the place of one.
  void replace(const std::string& path, std::string_view bytes) {
    std::filesystem::remove(path);
    std::ofstream{path, std::ios::binary} << bytes;
  }

 private:
  testing::TemporaryFolder folder_;
};

class OrderedWorld {
 public:
  testing::MemoryFileSystem& files() { return files_; }
  [[nodiscard]] std::string path(std::string_view name) const { return "state/" + std::string{name}; }
  StoreResult open(ColdStoreOptions options) {
    Result<std::unique_ptr<testing::OrderedColdStore>> opened =
        testing::OrderedColdStore::open(files_, std::move(options));
    if (!opened) return opened.error();
    return std::unique_ptr<ColdStore>{*std::move(opened)};
  }
  void merge(ColdStore& store) {
    const Status merged = static_cast<testing::OrderedColdStore&>(store).merge();
    EXPECT_TRUE(merged.ok()) << merged.to_string();
  }
  [[nodiscard]] std::string read(const std::string& path) const { return files_.read_file(path); }
  void replace(const std::string& path, std::string_view bytes) {
    EXPECT_TRUE(files_.remove(path).ok());
    files_.write_file(path, std::string{bytes});
  }

 private:
  testing::MemoryFileSystem files_;
};

#ifdef MILLSTREAM_ROCKSDB
using ColdWorlds = ::testing::Types<RocksWorld, OrderedWorld>;
#else
using ColdWorlds = ::testing::Types<OrderedWorld>;
#endif

using ColdMap = std::map<std::string, std::string>;

/// Everything in a column, read in pieces.
inline Result<ColdMap> read_all(ColdStore& store, std::uint32_t column, ColdPiece piece = {}) {
  ColdMap all;
  ColdAnswer answer;
  std::string first;
  const std::string end(8, '\xff');
  do {
    if (Status s = store.scan(column, first, end, piece, answer); !s.ok()) return s;
    for (std::size_t i = 0; i < answer.size(); ++i) all.emplace(answer.key(i), answer.value(i).value());
    first = answer.next();
  } while (!first.empty());
  return all;
}

inline ColdRound round_of(ColdChanges changes) {
  ColdRound round;
  round.add(std::move(changes));
  return round;
}

/// Until the store takes another round; the ordered one merges when it is told to.
template <class World>
Status wait_for_room(World& world, ColdStore& store) {
  for (int i = 0; i < 6000; ++i) {
    Status room = store.room();
    if (room.code() != ErrorCode::kUnavailable) return room;
    world.merge(store);
    if (!store.room().ok()) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return {ErrorCode::kInternal, "no room after a minute"};
}

inline std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

}  // namespace millstream::test
