// MILLSTREAM_ASSERT checks our own invariants and is on in release builds too. It is never used for what the world
// can do wrong (input, disks, brokers, options): that is a Status.
#pragma once

#include "millstream/core/export.hpp"

namespace millstream::inline v0::detail {

/// Writes the failed condition and its place to stderr and aborts.
[[noreturn]] MILLSTREAM_EXPORT void assert_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace millstream::inline v0::detail

#define MILLSTREAM_ASSERT(condition) \
  (__builtin_expect(!!(condition), 1) ? void(0) : ::millstream::detail::assert_failed(#condition, __FILE__, __LINE__))
