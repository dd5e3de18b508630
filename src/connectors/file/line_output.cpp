// Writes to a descriptor that others share, as far as it takes bytes without waiting.
#include "millstream/connectors/file/line_output.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "millstream/core/file_system.hpp"

namespace millstream::inline v0::file::detail {

bool OutputGate::try_enter(const void* who) {
  const std::scoped_lock lock{mutex_};
  if (inside_ == nullptr) inside_ = who;
  return inside_ == who;
}

void OutputGate::leave(const void* who) {
  const std::scoped_lock lock{mutex_};
  if (inside_ == who) inside_ = nullptr;
}

std::shared_ptr<OutputGate> stdout_gate() {
  static const auto gate = std::make_shared<OutputGate>();
  return gate;
}

LineOutput::LineOutput(int descriptor, std::shared_ptr<OutputGate> gate)
    : descriptor_{descriptor}, gate_{std::move(gate)} {
  struct stat found{};
  regular_file_ = ::fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
}

LineOutput::~LineOutput() { gate_->leave(this); }

Result<bool> LineOutput::drain() {
  while (written_ < buffer_.size()) {
    std::size_t size = buffer_.size() - written_;
    if (!regular_file_) {
      // A pipe that is ready takes PIPE_BUF bytes without blocking, and no more than that is promised. It stays in
      // blocking mode, for other processes share that setting.
      size = std::min<std::size_t>(size, PIPE_BUF);
      pollfd wanted{descriptor_, POLLOUT, 0};
      const int ready = ::poll(&wanted, 1, 0);
      if (ready == 0 || (ready < 0 && errno == EINTR)) return false;
    }
    const ssize_t n = ::write(descriptor_, buffer_.data() + written_, size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (n < 0) return file_error("write to", descriptor_ == STDOUT_FILENO ? "standard output" : "the pipe", errno);
    written_ += static_cast<std::size_t>(n);
  }
  buffer_.clear();
  written_ = 0;
  gate_->leave(this);
  return true;
}

}  // namespace millstream::inline v0::file::detail
