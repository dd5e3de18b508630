// An aggregate without merge in a window that merges.
#include "millstream/window/aggregate.hpp"

namespace {
struct Longest {
  int create() const { return 0; }
  void add(int& acc, const int& record) const { acc = record > acc ? record : acc; }
  int result(const int& acc) const { return acc; }
};
}  // namespace

static_assert(millstream::check_aggregate<Longest, int>());
static_assert(millstream::check_aggregate<Longest, int, true>());
