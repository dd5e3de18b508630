// What comes out of windows and keyed aggregates: results with key, window and pane, and late records with how late
// they were. All are described, so they can be written as JSON and kept as state as they are.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <string>

#include "millstream/channel/side_outputs.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Why a window fired. (Named as they are written in JSON.)
enum class PaneTiming : std::uint8_t {
  early,    ///< a trigger, before the window was complete
  on_time,  ///< the window was complete: the watermark reached its end
  late,     ///< a record came after that
};
BOOST_DESCRIBE_ENUM(PaneTiming, early, on_time, late)

/// The key of windows over the records of all keys.
struct AllKeys {
  friend bool operator==(AllKeys, AllKeys) = default;
  BOOST_DESCRIBE_CLASS(AllKeys, (), (), (), ())
};

/// The result of one firing of a window for one key. Its event time as a record is window_end - 1 us (of a global
/// window: the greatest event time in it).
template <class K, class R>
struct WindowResult {
  K key;
  R value;
  Timestamp window_start;
  Timestamp window_end;
  std::int64_t pane = 0;  ///< how often this window fired for this key before
  PaneTiming timing = PaneTiming::on_time;
  friend bool operator==(const WindowResult&, const WindowResult&) = default;
  BOOST_DESCRIBE_CLASS(WindowResult, (), (key, value, window_start, window_end, pane, timing), (), ())
};

/// The result of a running aggregate for one key.
template <class K, class R>
struct KeyedResult {
  K key;
  R value;
  friend bool operator==(const KeyedResult&, const KeyedResult&) = default;
  BOOST_DESCRIBE_CLASS(KeyedResult, (), (key, value), (), ())
};

/// A record that came too late for all of its windows.
template <class T>
struct Late {
  T record;
  /// The watermark by which it was judged minus its event time: the last mark of its split before it, or, with
  /// keep_while_open(), that of the stage.
  Duration late_by;
  friend bool operator==(const Late&, const Late&) = default;
  BOOST_DESCRIBE_CLASS(Late, (), (record, late_by), (), ())
};

/// The side output of a windowed stage that gets the records which are too late for every window:
///   stats.side_output(ms::late_records<Click>).to(...)
template <class T>
inline const OutputTag<Late<T>> late_records{"late_records"};

}  // namespace millstream::inline v0
