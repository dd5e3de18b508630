// Whole lines to a shared descriptor from several shards, without ever waiting for it. Users want file/stdio.hpp.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::file::detail {

/// Whose turn it is to write to a descriptor. Thread-safe.
class MILLSTREAM_EXPORT OutputGate {
 public:
  [[nodiscard]] bool try_enter(const void* who);
  void leave(const void* who);

 private:
  std::mutex mutex_;
  const void* inside_ = nullptr;
};

/// The gate of standard output: one for the process, as there is one standard output.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<OutputGate> stdout_gate();

/// One shard's way to the descriptor. For one thread.
class MILLSTREAM_EXPORT LineOutput {
 public:
  LineOutput(int descriptor, std::shared_ptr<OutputGate> gate);
  ~LineOutput();
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;

  /// False: another shard is in the middle of its lines. True: append whole lines to buffer(), then drain().
  [[nodiscard]] bool begin() { return gate_->try_enter(this); }
  [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
  /// Writes as much as the descriptor takes at once. True: everything, and the turn is given back. False: call it
  /// again.
  [[nodiscard]] Result<bool> drain();

 private:
  int descriptor_;
  bool regular_file_;  // which always takes everything
  std::shared_ptr<OutputGate> gate_;
  std::string buffer_;
  std::size_t written_ = 0;
};

}  // namespace millstream::inline v0::file::detail
