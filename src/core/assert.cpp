// The end of a process whose invariant broke: say which one and where, then abort so that a core dump has the stack.
#include "millstream/core/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace millstream::inline v0::detail {

void assert_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "millstream: invariant broken: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace millstream::inline v0::detail
