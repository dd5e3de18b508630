// The entry that says how far a windowed stage is, and numbers in front of keys.
#include "millstream/operators/window_snapshot.hpp"

#include <algorithm>
#include <limits>

#include "millstream/codec/schema.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kProgressKey = "watermark";
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

}  // namespace

StateDeclaration declare_progress() { return {"stage", schema_of<WindowProgress>().to_string()}; }

void save_progress(const WindowProgress& progress, Snapshot& to) {
  std::string value;
  encode_value(progress, value);
  to.put({kStageState, kEveryShard, kProgressKey, value});
}

bool restore_progress(const StateEntry& entry, std::optional<WindowProgress>& progress) {
  WindowProgress said;
  if (entry.key_group != kEveryShard || entry.key != kProgressKey || !decode_value(entry.value, said)) return false;
  if (!progress) {
    progress = said;
    return true;
  }
  progress->watermark = std::min(progress->watermark, said.watermark);
  progress->silent_until = std::max(progress->silent_until, said.silent_until);
  progress->ended_until = std::max(progress->ended_until, said.ended_until);
  progress->timed = progress->timed && said.timed;
  return true;
}

Schema numbered_key(Schema key) { return {"tuple", {{"", {"ordered", {}}}, {"", std::move(key)}}}; }

void append_ordered(std::int64_t number, std::string& out) {
  const std::uint64_t bits = static_cast<std::uint64_t>(number) ^ kSign;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift & 0xff));
}

void GoneNumbers::save(std::uint32_t state, Snapshot& to) {
  std::sort(numbers_.begin(), numbers_.end());
  std::string first;
  std::string end;
  for (std::size_t i = 0; i < numbers_.size() && !to.whole();) {
    // Neighbours go in one range.
    std::size_t behind = i + 1;
    while (behind < numbers_.size() && numbers_[behind] - 1 == numbers_[behind - 1]) ++behind;
    first.clear();
    append_ordered(numbers_[i], first);
    end.clear();
    if (numbers_[behind - 1] != std::numeric_limits<std::int64_t>::max()) append_ordered(numbers_[behind - 1] + 1, end);
    to.remove_range(state, first, end);
    i = behind;
  }
  numbers_.clear();
}

bool take_ordered(std::string_view& bytes, std::int64_t& number) {
  if (bytes.size() < kOrderedBytes) return false;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kOrderedBytes; ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  number = static_cast<std::int64_t>(bits ^ kSign);
  bytes.remove_prefix(kOrderedBytes);
  return true;
}

}  // namespace millstream::inline v0
