// The cold store of the simulator: ordered maps in memory, whose every round is a file on the disk that it is given, so
// ingesting, linking and opening meet the faults and crashes of that disk. Beside that it behaves as the one on
// RocksDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0::testing {

class MILLSTREAM_EXPORT OrderedColdStore final : public ColdStore {
 public:
  /// `files` must outlive the store. Errors as open_cold_store().
  static Result<std::unique_ptr<OrderedColdStore>> open(FileSystem& files, ColdStoreOptions options);

  Status room() override;
  Status ingest(const ColdRound& round) override;
  Result<std::vector<ColdImageFile>> link(const std::string& folder) override;
  Status get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) override;
  Status scan(std::uint32_t column, std::string_view first, std::string_view end, ColdPiece piece,
              ColdAnswer& answer) override;
  ColdStatistics statistics() override;

  /// What RocksDB does on threads of its own: puts all files into one. A writer's call, and a step of the simulator.
  Status merge();

 private:
  using Column = std::map<std::string, std::string, std::less<>>;
  struct Run {
    std::string name;
    std::uint64_t size_bytes = 0;
    std::uint64_t checksum = 0;
  };
  OrderedColdStore(FileSystem& files, ColdStoreOptions options);
  [[nodiscard]] Status load(const ColdImage& base);
  [[nodiscard]] Status write_run(std::string_view bytes);
  [[nodiscard]] Status rewrite();
  [[nodiscard]] Status touch_disk();
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] Status fail(Status why);

  FileSystem& files_;
  const ColdStoreOptions options_;
  std::mutex mutex_;  // of what readers and statistics() see: changes of columns_, runs_ and the numbers
  std::vector<Column> columns_;
  std::vector<Run> runs_;  // oldest first
  std::uint64_t next_run_ = 1;
  Status failure_;
  std::uint64_t rounds_ = 0;
  std::uint64_t round_bytes_ = 0;
};

}  // namespace millstream::inline v0::testing
