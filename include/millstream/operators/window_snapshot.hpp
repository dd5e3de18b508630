// What the snapshots of window stages have in common: how far a stage is in time, once a shard, and numbers of windows
// and slices in front of keys. All that comes back is checked: bytes that save() has not written are no entry.
#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/codec/schema.hpp"
#include "millstream/core/export.hpp"
#include "millstream/operators/group_watermarks.hpp"
#include "millstream/state/table_snapshot.hpp"

namespace millstream::inline v0 {

/// The states of a stage whose windows fire by a frame, by number.
inline constexpr std::uint32_t kStageState = 0;
inline constexpr std::uint32_t kWindowState = 1;

/// How far a stage is, besides its windows. Shards have the same watermark at an aligned barrier; what else they say
/// may differ. So may the watermarks of several instances.
struct WindowProgress {
  Timestamp watermark = kTimestampMin;  ///< merged; of several shards or instances the least counts
  /// A silence has closed the windows up to here. One shard may have found it before the barrier and another not yet;
  /// it holds for all of them, so of several the greatest counts; but not for other instances.
  Timestamp silent_until = kTimestampMin;
  /// By the wall clock: no window that ends here or before may open again. Of several the greatest counts.
  Timestamp ended_until = kTimestampMin;
  bool timed = true;  ///< results have event times; not where one shard has seen records that have none
  BOOST_DESCRIBE_CLASS(WindowProgress, (), (watermark, silent_until, ended_until, timed), (), ())
};

/// The state kStageState.
MILLSTREAM_EXPORT StateDeclaration declare_progress();
/// That of this shard, and what `fired` has beside it.
MILLSTREAM_EXPORT void save_progress(const WindowProgress& progress, const GroupWatermarks& fired, bool by_clock,
                                     const ShardContext& context, Snapshot& to);
/// Adds what one shard said; false where the entry is not that. `by_clock`: windows end by the wall clock.
[[nodiscard]] MILLSTREAM_EXPORT bool restore_progress(const StateEntry& entry, bool by_clock,
                                                      std::optional<WindowProgress>& progress, GroupWatermarks& fired);

/// What a restored stage has open.
struct OpenWindows {
  bool any = false;
  bool fresh = false;                  ///< with records since its last result
  Timestamp last_end = kTimestampMin;  ///< the last of their ends, where the watermark ends them
  void add(bool has_fresh, Timestamp end) {
    any = true;
    fresh |= has_fresh;
    last_end = std::max(last_end, end);
  }
};

/// A number in front of a key, in eight bytes that sort as it does.
inline constexpr std::size_t kOrderedBytes = 8;
/// Of a key with such a number in front of it.
[[nodiscard]] MILLSTREAM_EXPORT Schema numbered_key(Schema key);
MILLSTREAM_EXPORT void append_ordered(std::int64_t number, std::string& out);
/// Takes it off; false where there is none.
[[nodiscard]] MILLSTREAM_EXPORT bool take_ordered(std::string_view& bytes, std::int64_t& number);

/// Windows or slices that have been let go since the last checkpoint, of which that one holds entries, by the ordered
/// numbers in front of their keys.
class MILLSTREAM_EXPORT GoneNumbers {
 public:
  template <class K, class V>
  void add(std::int64_t number, const StateTable<K, V>& table) {
    if (table.changes() != nullptr && table.changes()->any_held()) numbers_.push_back(number);
  }
  /// Of whose entries some have left memory.
  void add(std::int64_t number) { numbers_.push_back(number); }
  /// Tells the next checkpoint, before the state's entries.
  void save(std::uint32_t state, Snapshot& to);

 private:
  std::vector<std::int64_t> numbers_;
};

}  // namespace millstream::inline v0
