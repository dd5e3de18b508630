// In a build without RocksDB (MILLSTREAM_ROCKSDB=OFF) state stays in memory.
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0 {

Result<std::unique_ptr<ColdStore>> open_cold_store(FileSystem&, ColdStoreOptions options) {
  return Status{ErrorCode::kUnsupported, "opening the cold store " + options.folder +
                                             ": this build of Millstream has no RocksDB; build it with "
                                             "-DMILLSTREAM_ROCKSDB=ON, or keep the state in memory"};
}

}  // namespace millstream::inline v0
