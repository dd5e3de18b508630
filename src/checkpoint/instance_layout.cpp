// Parsed by writing it again: what differs in any way is damaged.
#include "checkpoint/instance_layout.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/private_file.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::uint64_t kBytesMax = 1 << 20;  // a generation has about fifty

// Takes `mark` and the number behind it from the front of `text`.
bool take(std::string_view& text, std::string_view mark, std::uint64_t& number) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(mark.size());
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return true;
}

}  // namespace

std::string instances_text(const InstanceLayout& layout) {
  std::string text = fmt::format("millstream instances 1\nchanging {}\n", layout.changing ? 1 : 0);
  for (const InstanceGeneration& each : layout.generations) {
    text += fmt::format("generation {} instances {} settled {}\n", each.number, each.instances, each.settled);
  }
  return text + fmt::format("checksum {:016x}\n", Checksum::of(text));
}

std::optional<InstanceLayout> parse_instances(std::string_view text) {
  InstanceLayout layout;
  std::string_view left = text;
  std::uint64_t changing = 0;
  if (!take(left, "millstream instances 1\nchanging ", changing)) return std::nullopt;
  layout.changing = changing != 0;
  InstanceGeneration each;
  std::uint64_t instances = 0;
  while (take(left, "\ngeneration ", each.number) && take(left, " instances ", instances) &&
         take(left, " settled ", each.settled)) {
    each.instances = static_cast<std::uint32_t>(instances);
    if (each.instances == 0) return std::nullopt;
    layout.generations.push_back(each);
  }
  if (layout.generations.empty() || text != instances_text(layout)) return std::nullopt;
  return layout;
}

Result<std::optional<InstanceLayout>> read_instances(FileSystem& files, const std::string& shared) {
  const std::string name = shared + "/" + std::string{kInstancesName};
  const Result<std::string> text = read_private_file(files, name, kBytesMax);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<InstanceLayout>{};
  if (!text) return text.error();
  std::optional<InstanceLayout> layout = parse_instances(*text);
  if (layout) return layout;
  return Status{ErrorCode::kInvalidData,
                name +
                    ": the file that says how many instances share this folder is damaged: bring it back from where "
                    "you keep copies"};
}

Status write_instances(FileSystem& files, const std::string& shared, const InstanceLayout& layout) {
  const std::string name = shared + "/" + std::string{kInstancesName};
  const std::string temporary = name + ".tmp";
  if (Status s = files.remove(temporary); !s.ok() && s.code() != ErrorCode::kNotFound) return s;
  {
    Result<std::unique_ptr<WritableFile>> file = files.create_private(temporary);
    if (!file) return file.error();
    if (Status s = (*file)->append(instances_text(layout)); !s.ok()) return s;
    if (Status s = (*file)->sync(); !s.ok()) return s;
    if (Status s = (*file)->close(); !s.ok()) return s;
  }
  if (Status s = files.rename(temporary, name); !s.ok()) return s;
  return files.sync_folder(shared);
}

std::string generation_folder(const std::string& shared, std::uint64_t generation) {
  return shared + "/generation-" + std::to_string(generation);
}
std::string instance_folder(const std::string& shared, std::uint64_t generation, std::uint32_t instance) {
  return generation_folder(shared, generation) + "/instance-" + std::to_string(instance);
}

}  // namespace millstream::inline v0
