// StateOptions: what can be said about a piece of keyed state when it is asked for.
//   seen = context.value_state<bool>("seen", {.ttl = 1h});
#pragma once

#include <chrono>

namespace millstream::inline v0 {

/// What keeps state from expiring.
enum class TtlUpdate {
  kOnWrite,         ///< it expires `ttl` after the last write
  kOnReadAndWrite,  ///< ... after the last read or write
};

struct StateOptions {
  /// Time to live, by the wall clock as it was when the batch began; 0 = for ever. Expired state is never returned, and
  /// is removed bit by bit while the operator works, so that memory stays within about twice what is alive. In a list
  /// or map each element has a life of its own.
  std::chrono::nanoseconds ttl{0};
  TtlUpdate ttl_update = TtlUpdate::kOnWrite;
};

}  // namespace millstream::inline v0
