// The splits of a memory source, where reading one begins, and why it cannot.
#include "millstream/connectors/memory/source.hpp"

namespace millstream::inline v0::memory::detail {

std::vector<Split> numbered_splits(std::size_t count) {
  std::vector<Split> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back({std::to_string(i), {}});
  return all;
}

Status find_split(const SplitContext& context, std::size_t count, std::size_t& number) {
  number = 0;
  while (number < count && std::to_string(number) != context.split().id) ++number;
  if (number < count) return {};
  return {ErrorCode::kNotFound, "memory source: there is no split '" + context.split().id + "'"};
}

Status check_start(const SplitContext& context, std::size_t size, std::uint64_t moved_out) {
  const std::uint64_t start = context.split().start.offset;
  if (start > size) {
    return {ErrorCode::kInvalidData, "memory source: split " + context.split().id + " holds " + std::to_string(size) +
                                         " records, but reading shall start at " + std::to_string(start)};
  }
  if (start < moved_out) {
    return {ErrorCode::kUnsupported, "memory source: split " + context.split().id +
                                         " cannot be read again: its records cannot be copied and were moved out"};
  }
  return {};
}

}  // namespace millstream::inline v0::memory::detail
