// Names are parsed by writing them again: what differs in any way is another file's name.
#include "checkpoint/state_folder.hpp"

#include <fmt/format.h>

#include <charconv>

#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kIdDigits = 20;
constexpr std::string_view kTakenPrefix = "ids-below-";

// The number at the front of `text`, in as many characters of the base as it takes.
std::uint64_t number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string_view behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + mark.size());
}

}  // namespace

std::string manifest_name(std::uint64_t id) { return fmt::format("{:020}.manifest", id); }
std::string segment_name(std::uint64_t id, std::uint32_t shard) {
  return fmt::format("{:020}-{:05}.segment", id, shard);
}
std::string taken_name(std::uint64_t below) { return fmt::format("{}{:020}", kTakenPrefix, below); }

StateName parse_state_name(std::string_view name) {
  using enum StateName::Kind;
  if (name.ends_with(".tmp")) return {kTemporary, 0};
  const std::uint64_t id = number(name.substr(0, kIdDigits));
  if (name == manifest_name(id)) return {kManifest, id};
  if (name == fmt::format("{:020}.base", id)) return {kBase, id};
  if (name.size() > kIdDigits) {
    const std::uint64_t shard = number(name.substr(kIdDigits + 1));
    if (shard <= ~std::uint32_t{0} && name == segment_name(id, static_cast<std::uint32_t>(shard)))
      return {kSegment, id};
  }
  if (name.starts_with(kTakenPrefix)) {
    const std::uint64_t below = number(name.substr(kTakenPrefix.size()));
    if (name == taken_name(below)) return {kTaken, below};
  }
  return {};
}

bool is_checkpoint_file(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return parse_state_name(name).kind == StateName::Kind::kSegment;
  const std::string_view below = name.substr(slash + 1);
  return parse_state_name(name.substr(0, slash)).kind == StateName::Kind::kBase && !below.empty() &&
         below.find('/') == std::string_view::npos && !below.starts_with('.');
}

std::string marker_text(CheckpointId committed) {
  std::string text = fmt::format("millstream committed 1\nid {}\nnonce {:016x}\n", committed.id, committed.nonce);
  return text + fmt::format("checksum {:016x}\n", Checksum::of(text));
}

std::optional<CheckpointId> parse_marker(std::string_view text) {
  const CheckpointId read{number(behind(text, "\nid ")), number(behind(text, "\nnonce "), 16)};
  if (read.id == 0 || text != marker_text(read)) return std::nullopt;
  return read;
}

}  // namespace millstream::inline v0
