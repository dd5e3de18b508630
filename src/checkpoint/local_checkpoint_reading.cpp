// The reading half of the local store: safe beside a process that writes, and distrustful of every byte.
#include <algorithm>

#include "checkpoint/savepoint.hpp"
#include "checkpoint/state_folder.hpp"
#include "core/private_file.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::uint64_t kMarkerBytesMax = 4096;  // it has about a hundred

Status verify_base_file(FileSystem& files, const std::string& path, const FileHandle& expected) {
  Result<std::unique_ptr<ReadableFile>> file = files.open_private(path);
  if (!file) return file.error();
  const Result<FileInfo> info = (*file)->info();
  if (!info) return info.error();
  Checksum checksum;
  std::string buffer(kReadBytes, '\0');
  std::uint64_t at = 0;
  while (at < expected.size_bytes) {
    const std::size_t wanted = std::min<std::uint64_t>(kReadBytes, expected.size_bytes - at);
    const Result<std::size_t> got = (*file)->read_at(at, {buffer.data(), wanted});
    if (!got) return got.error();
    if (*got < wanted) break;
    checksum.add({buffer.data(), wanted});
    at += wanted;
  }
  if (at == expected.size_bytes && info->size_bytes == at && checksum.value() == expected.checksum) return {};
  return {ErrorCode::kInvalidData,
          path + ": the file is not the one that its manifest names: " +
              (info->size_bytes == expected.size_bytes
                   ? std::string{"the checksum differs"}
                   : std::to_string(info->size_bytes) + " bytes instead of " + std::to_string(expected.size_bytes))};
}

}  // namespace

Result<std::optional<CheckpointId>> LocalCheckpointStore::committed() {
  const std::string name = path(kCommittedName);
  const Result<std::string> text = read_private_file(files_, name, kMarkerBytesMax);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<CheckpointId>{};
  if (!text) return text.error();
  const std::optional<CheckpointId> marker = parse_marker(*text);
  if (marker) return marker;
  return Status{ErrorCode::kInvalidData, name + ": the marker of the decision is damaged"};
}

Result<std::vector<std::uint64_t>> LocalCheckpointStore::list() {
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return names.error();
  std::vector<std::uint64_t> ids;
  for (const std::string& name : *names) {
    const StateName parsed = parse_state_name(name);
    if (parsed.kind == StateName::Kind::kManifest) ids.push_back(parsed.id);
  }
  return ids;
}

Result<Manifest> LocalCheckpointStore::manifest(std::uint64_t id) {
  const std::string name = path(manifest_name(id));
  const Result<std::string> bytes = read_private_file(files_, name, kManifestBytesMax);
  if (!bytes) return bytes.error();
  Result<Manifest> decoded = decode_manifest(*bytes, name);
  if (decoded && decoded->checkpoint.id != id) {
    return Status{ErrorCode::kInvalidData, name + ": this is the manifest of checkpoint " +
                                               decoded->checkpoint.to_string() + ", under another one's name"};
  }
  return decoded;
}

Result<SegmentReader> LocalCheckpointStore::open_segment(const SegmentHandle& segment) {
  if (!is_checkpoint_file(segment.file.name)) {
    return Status{ErrorCode::kInvalidData,
                  folder_ + ": a manifest names a file \"" + segment.file.name + "\", which no checkpoint has"};
  }
  const std::string name = path(segment.file.name);
  Result<std::unique_ptr<ReadableFile>> file = files_.open_private(name);
  if (!file) return file.error();
  return SegmentReader::open(*std::move(file), name, segment);
}

Status LocalCheckpointStore::verify(const Manifest& manifest) {
  for (const SegmentHandle& segment : manifest.segments) {
    Result<SegmentReader> reader = open_segment(segment);
    if (!reader) return reader.error();
    SegmentFrame frame;
    Result<bool> more = true;
    while (more && *more) more = reader->next(frame);
    if (!more) return more.error();
  }
  if (!manifest.base) return {};
  for (const FileHandle& file : manifest.base->files) {
    if (!is_checkpoint_file(file.name)) {
      return {ErrorCode::kInvalidData,
              folder_ + ": a manifest names a file \"" + file.name + "\", which no checkpoint has"};
    }
    if (Status s = verify_base_file(files_, path(file.name), file); !s.ok()) return s;
  }
  return {};
}

Status LocalCheckpointStore::save_to(SavepointWriter& savepoint, const Manifest& manifest) {
  for (const SegmentHandle& segment : manifest.segments) {
    if (Status s = savepoint.add(path(segment.file.name), segment.file); !s.ok()) return s;
  }
  if (!manifest.base) return {};
  for (const FileHandle& file : manifest.base->files) {
    if (Status s = savepoint.add(path(file.name), file); !s.ok()) return s;
  }
  return {};
}

}  // namespace millstream::inline v0
