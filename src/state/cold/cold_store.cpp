// What all stores do alike when they are opened.
#include "state/cold/cold_store.hpp"

#include <algorithm>
#include <set>

namespace millstream::inline v0 {
namespace {

Status check_options(const ColdStoreOptions& options) {
  const auto wrong = [](std::string text) { return Status{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (options.folder.empty()) return wrong("a cold store needs a folder");
  if (options.cache_bytes < kColdCacheBytesMin) {
    return wrong("a block cache of " + std::to_string(options.cache_bytes) + " bytes is too small; give it at least " +
                 std::to_string(kColdCacheBytesMin));
  }
  std::set<std::string_view> names;
  for (const std::string& name : options.columns) {
    // RocksDB has a column of its own by that name.
    if (name.empty() || name == "default") return wrong("a column cannot have the name '" + name + "'");
    if (!names.insert(name).second) return wrong("two columns have the name '" + name + "'");
  }
  return {};
}

}  // namespace

Result<ColdImage> begin_cold_store(FileSystem& files, const ColdStoreOptions& options, std::string_view engine,
                                   ColdCheck check) {
  const std::string place = "opening the cold store " + options.folder;
  if (Status s = check_options(options); !s.ok()) return s.at(place);
  ColdImage image;
  if (!options.base.empty()) {
    Result<ColdImage> read = read_cold_image(files, options.base);
    if (!read) return read.error().at(place);
    image = *std::move(read);
    if (image.engine != engine) {
      return Status{ErrorCode::kInvalidArgument, place + ": the image " + options.base + " is one of the engine '" +
                                                     image.engine + "', and this is '" + std::string{engine} +
                                                     "'; open it with that one"};
    }
    if (Status s = check_cold_image(files, options.base, image, check); !s.ok()) return s.at(place);
  }
  if (Status s = prepare_cold_folder(files, options.folder); !s.ok()) return s.at(place);
  if (options.base.empty()) return image;
  if (Status s = take_cold_image(files, options.base, image, options.folder); !s.ok()) return s.at(place);
  return image;
}

}  // namespace millstream::inline v0
