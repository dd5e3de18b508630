// Images are made and taken through the FileSystem seam alone, so the order of syncs is the same, and tested, whatever
// engine wrote the files.
#include "state/cold/cold_image.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "core/private_file.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {
namespace {

// The first byte is no text, the line ends show a file that went through a text mode.
constexpr std::string_view kMagic{"\x89MSIMG\r\n", 8};
constexpr std::size_t kHeadBytes = 8 + 4;
constexpr std::size_t kChecksumBytes = 8;
// What an image holds as a copy: RocksDB's manifest rolls at 1 MiB and may be a few times that when it is written anew.
constexpr std::uint64_t kCopyBytesMax = std::uint64_t{256} << 20;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;  // a piece, where a file is read for its checksum

std::string path_in(const std::string& folder, std::string_view name) {
  std::string path = folder;
  return path.append("/").append(name);
}

std::string folder_above(const std::string& folder) {
  // Without this, the folder above "a/" would be "a".
  std::string name = folder;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  const std::string above = std::filesystem::path{name}.parent_path().string();
  return above.empty() ? "." : above;
}

Status damaged(const std::string& folder, std::string_view what) {
  std::string message = "image of the cold store ";
  message.append(folder).append(": ").append(what).append("; begin from another checkpoint");
  return {ErrorCode::kInvalidData, std::move(message)};
}

Status write_file(FileSystem& files, const std::string& path, std::string_view bytes, bool sync) {
  Result<std::unique_ptr<WritableFile>> file = files.create_private(path);
  if (!file) return file.error();
  if (Status s = (*file)->append(bytes); !s.ok()) return s;
  if (sync) {
    if (Status s = (*file)->sync(); !s.ok()) return s;
  }
  return (*file)->close();
}

std::string encode(const ColdImage& image) {
  std::string bytes{kMagic};
  ByteWriter{bytes}.write_fixed(kColdImageVersion);
  encode_value(image, bytes);
  const std::uint64_t checksum = Checksum::of(bytes);
  ByteWriter{bytes}.write_fixed(checksum);
  return bytes;
}

// Nothing leads out of the folder.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos && name != kColdImageName;
}

// The files of the engines: RocksDB's, and those of testing/ordered_cold_store.
bool is_store_file(std::string_view name) {
  const auto starts = [&](std::string_view prefix) { return name.starts_with(prefix); };
  const auto ends = [&](std::string_view suffix) { return name.ends_with(suffix); };
  return name == "CURRENT" || name == "IDENTITY" || name == "LOCK" || starts("LOG") || starts("MANIFEST-") ||
         starts("OPTIONS-") || ends(".sst") || ends(".log") || ends(".dbtmp") || ends(".run") || ends(".blob");
}

Status fill_image(FileSystem& files, const std::string& folder, const std::string& from, const ColdImage& image,
                  const std::vector<ColdImageCopy>& copies) {
  for (const ColdImageFile& file : image.files) {
    if (!file.linked) continue;
    if (Status s = files.link(path_in(from, file.name), path_in(folder, file.name)); !s.ok()) return s;
  }
  for (const ColdImageCopy& copy : copies) {
    if (Status s = write_file(files, path_in(folder, copy.name), copy.bytes, true); !s.ok()) return s;
  }
  if (Status s = write_file(files, path_in(folder, kColdImageName), encode(image), true); !s.ok()) return s;
  if (Status s = files.sync_folder(folder); !s.ok()) return s;
  return files.sync_folder(folder_above(folder));
}

}  // namespace

Result<std::vector<ColdImageFile>> write_cold_image(FileSystem& files, const std::string& folder,
                                                    const std::string& from, ColdImage image,
                                                    const std::vector<ColdImageCopy>& copies) {
  for (const ColdImageCopy& copy : copies) {
    image.files.push_back({copy.name, copy.bytes.size(), Checksum::of(copy.bytes), false});
  }
  std::string place = "making the image of the cold store " + folder;
  if (Status s = files.make_private_folder(folder); !s.ok()) return s.at(place);
  const Result<std::vector<std::string>> there = files.list(folder);
  if (!there) return there.error().at(place);
  if (!there->empty()) {
    return Status{ErrorCode::kAlreadyExists, place.append(": the folder is not empty; remove it first")};
  }
  if (Status s = fill_image(files, folder, from, image, copies); !s.ok()) {
    // What cannot be removed does no harm: without a right IMAGE it is none.
    const Result<std::vector<std::string>> made = files.list(folder);
    if (made) {
      for (const std::string& name : *made) static_cast<void>(files.remove(path_in(folder, name)));
    }
    static_cast<void>(files.remove(folder));
    return s.at(place);
  }
  const std::string bytes = encode(image);
  image.files.push_back({std::string{kColdImageName}, bytes.size(), Checksum::of(bytes), false});
  return std::move(image.files);
}

Result<ColdImage> read_cold_image(FileSystem& files, const std::string& folder) {
  const Result<std::string> read = read_private_file(files, path_in(folder, kColdImageName), kColdImageBytesMax);
  if (!read && read.error().code() == ErrorCode::kNotFound) {
    return damaged(folder, "there is no file IMAGE, so it was never finished or is somewhere else");
  }
  if (!read) return read.error().at("reading the image of the cold store " + folder);
  const std::string& bytes = *read;
  if (bytes.size() < kHeadBytes + kChecksumBytes || !bytes.starts_with(kMagic)) {
    return damaged(folder, "IMAGE is no list of an image, or only the beginning of one");
  }
  const std::string_view guarded = std::string_view{bytes}.substr(0, bytes.size() - kChecksumBytes);
  std::uint64_t checksum = 0;
  const bool whole = ByteReader{std::string_view{bytes}.substr(guarded.size())}.read_fixed(checksum);
  if (!whole || Checksum::of(guarded) != checksum) return damaged(folder, "IMAGE is damaged: its checksum differs");
  std::uint32_t version = 0;
  const bool versioned = ByteReader{guarded.substr(kMagic.size())}.read_fixed(version);
  if (!versioned || version != kColdImageVersion) {
    return Status{ErrorCode::kUnsupported, "image of the cold store " + folder + ": version " +
                                               std::to_string(version) + "; this build reads version " +
                                               std::to_string(kColdImageVersion)};
  }
  ColdImage image;
  const bool decoded = decode_value(guarded.substr(kHeadBytes), image);
  const bool plain = std::all_of(image.files.begin(), image.files.end(),
                                 [](const ColdImageFile& file) { return is_plain_name(file.name); });
  if (!decoded || !plain) return damaged(folder, "IMAGE is one that no writer makes");
  return image;
}

Status check_cold_image(FileSystem& files, const std::string& folder, const ColdImage& image, ColdCheck check) {
  for (const ColdImageFile& file : image.files) {
    const std::string path = path_in(folder, file.name);
    const Result<FileInfo> info = files.info(path);
    if (!info && info.error().code() == ErrorCode::kNotFound) return damaged(folder, file.name + " is missing");
    if (!info) return info.error().at("checking the image of the cold store " + folder);
    if (!info->is_file || info->size_bytes != file.size_bytes) {
      return damaged(folder, file.name + " has " + std::to_string(info->size_bytes) + " bytes and should have " +
                                 std::to_string(file.size_bytes));
    }
    if (file.linked && check == ColdCheck::kSizes) continue;
    const Result<std::uint64_t> checksum = cold_file_checksum(files, path);
    if (!checksum) return checksum.error().at("checking the image of the cold store " + folder);
    if (*checksum != file.checksum) return damaged(folder, file.name + " is damaged: its checksum differs");
  }
  return {};
}

Status take_cold_image(FileSystem& files, const std::string& image_folder, const ColdImage& image,
                       const std::string& folder) {
  for (const ColdImageFile& file : image.files) {
    const std::string from = path_in(image_folder, file.name);
    const std::string to = path_in(folder, file.name);
    if (file.linked) {
      if (Status s = files.link(from, to); !s.ok()) {
        return s.at("a cold store and its image must lie on one file system");
      }
      continue;
    }
    const Result<std::string> bytes = read_private_file(files, from, kCopyBytesMax);
    if (!bytes) return bytes.error();
    // Here and not before, for a file may change between a check and this.
    if (Checksum::of(*bytes) != file.checksum) return damaged(image_folder, file.name + " is damaged");
    if (Status s = write_file(files, to, *bytes, false); !s.ok()) return s;
  }
  return {};
}

Status prepare_cold_folder(FileSystem& files, const std::string& folder) {
  if (Status s = files.make_private_folder(folder); !s.ok()) return s;
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names) return names.error();
  const auto foreign = std::find_if_not(names->begin(), names->end(), &is_store_file);
  if (foreign != names->end()) {
    return {ErrorCode::kInvalidArgument, "the folder holds " + *foreign +
                                             ", which is no file of a cold store, and is "
                                             "not emptied; give the store a folder of its own"};
  }
  for (const std::string& name : *names) {
    if (Status s = files.remove(path_in(folder, name)); !s.ok()) return s;
  }
  return {};
}

Result<std::uint64_t> cold_file_checksum(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<ReadableFile>> file = files.open_private(path);
  if (!file) return file.error();
  Checksum checksum;
  std::string piece(kReadBytes, '\0');
  std::uint64_t offset = 0;
  while (true) {
    const Result<std::size_t> got = (*file)->read_at(offset, piece);
    if (!got) return got.error();
    checksum.add(std::string_view{piece}.substr(0, *got));
    offset += *got;
    if (*got < piece.size()) return checksum.value();
  }
}

}  // namespace millstream::inline v0
