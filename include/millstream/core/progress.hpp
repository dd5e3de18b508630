// What one bounded step of work came to. A step never waits; only the shard's loop does.
#pragma once

namespace millstream::inline v0 {

enum class Progress {
  kIdle,      ///< there was nothing to do
  kAdvanced,  ///< something was done, and there may be more
  kBlocked,   ///< there is work, but no room downstream
  kDone,      ///< finished for good
};

}  // namespace millstream::inline v0
