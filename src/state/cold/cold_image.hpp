// Images of a cold store: a folder of hard links, small copies, and a file IMAGE that lists them all. It is written
// last and guarded by a checksum, so a folder without a right one is no image. docs/formats.md has the layout.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

inline constexpr std::string_view kColdImageName = "IMAGE";
inline constexpr std::uint32_t kColdImageVersion = 1;
inline constexpr std::size_t kColdImageBytesMax = std::size_t{64} << 20;

struct ColdImageFile {
  std::string name;  ///< in the image's folder
  std::uint64_t size_bytes = 0;
  std::uint64_t checksum = 0;  ///< Checksum of the whole file
  bool linked = false;         ///< a hard link of a file of the store; else small, and the image's own
  friend bool operator==(const ColdImageFile&, const ColdImageFile&) = default;
};
BOOST_DESCRIBE_STRUCT(ColdImageFile, (), (name, size_bytes, checksum, linked))

struct ColdImage {
  std::string engine;                ///< whose files these are: "rocksdb", "ordered"
  std::string engine_version;        ///< that wrote it, for people
  std::vector<std::string> columns;  ///< that it has
  std::vector<ColdImageFile> files;  ///< without IMAGE itself
  friend bool operator==(const ColdImage&, const ColdImage&) = default;
};
BOOST_DESCRIBE_STRUCT(ColdImage, (), (engine, engine_version, columns, files))

/// A file that an image gets by its content.
struct ColdImageCopy {
  std::string name;
  std::string bytes;
};

/// Makes an image in `folder`, missing or empty: links of `image.files` from the folder `from`, then the copies, then
/// IMAGE, each synced, then the folder and the one above it. Gives all files, IMAGE last. After a failure it takes away
/// what it made, as far as the disk lets it.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::vector<ColdImageFile>> write_cold_image(
    FileSystem& files, const std::string& folder, const std::string& from, ColdImage image,
    const std::vector<ColdImageCopy>& copies);
/// What IMAGE says: kInvalidData where it is missing or damaged, kUnsupported for a later version.
[[nodiscard]] MILLSTREAM_EXPORT Result<ColdImage> read_cold_image(FileSystem& files, const std::string& folder);
/// How much of an image is looked at.
enum class ColdCheck {
  kSizes,  ///< that each file is there with its size; small ones are read. Constant time a file
  kBytes,  ///< all files are read
};
/// kInvalidData names the file that is missing or damaged.
[[nodiscard]] MILLSTREAM_EXPORT Status check_cold_image(FileSystem& files, const std::string& folder,
                                                        const ColdImage& image, ColdCheck check);
/// Fills an empty folder with links and copies of the files of an image. No sync: the image is what is durable.
[[nodiscard]] MILLSTREAM_EXPORT Status take_cold_image(FileSystem& files, const std::string& image_folder,
                                                       const ColdImage& image, const std::string& folder);
/// Makes the folder of a store, or empties it. kInvalidArgument where it holds what is no file of a store.
[[nodiscard]] MILLSTREAM_EXPORT Status prepare_cold_folder(FileSystem& files, const std::string& folder);

/// Of a file that may be large.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::uint64_t> cold_file_checksum(FileSystem& files, const std::string& path);

}  // namespace millstream::inline v0
