// The entry that says how far a windowed stage is, and numbers in front of keys.
#include "millstream/operators/window_snapshot.hpp"

#include <algorithm>
#include <limits>

#include "millstream/codec/schema.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kUnplacedKey = "watermark";  // of shards that do not say which groups are theirs
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Windows of the shard that end here or before have fired.
Timestamp fired_until(const WindowProgress& progress, bool by_clock) {
  return by_clock && progress.watermark != kTimestampMax ? progress.ended_until : progress.watermark;
}

}  // namespace

StateDeclaration declare_progress() { return {"stage", schema_of<WindowProgress>().to_string()}; }

void save_progress(const WindowProgress& progress, const GroupWatermarks& fired, bool by_clock,
                   const ShardContext& context, Snapshot& to) {
  std::string value;
  fired.for_each_entry(context.shard, context.shards, fired_until(progress, by_clock),
                       [&](std::string_view key, Timestamp until) {
                         WindowProgress said = progress;
                         (by_clock && until != kTimestampMax ? said.ended_until : said.watermark) = until;
                         value.clear();
                         encode_value(said, value);
                         to.put({kStageState, kEveryShard, key, value});
                       });
}

bool restore_progress(const StateEntry& entry, bool by_clock, std::optional<WindowProgress>& progress,
                      GroupWatermarks& fired) {
  WindowProgress said;
  if (entry.key_group != kEveryShard || !decode_value(entry.value, said)) return false;
  if (entry.key == kUnplacedKey) {
    fired.restore_all(entry, fired_until(said, by_clock));
  } else {
    if (!fired.restore(entry, fired_until(said, by_clock))) return false;
    if (GroupWatermarks::is_of_group(entry)) return true;
  }
  if (entry.groups != nullptr) said.silent_until = kTimestampMin;
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
