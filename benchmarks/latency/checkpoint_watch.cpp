#include "latency/checkpoint_watch.hpp"

namespace latency {

namespace ms = millstream;

std::vector<CheckpointMark> CheckpointWatch::marks() const {
  const std::scoped_lock lock{mutex_};
  return marks_;
}

ms::Result<std::unique_ptr<ms::WritableFile>> CheckpointWatch::create_private(const std::string& path) {
  {
    const std::scoped_lock lock{mutex_};
    if (!begin_ns_) begin_ns_ = clock_.monotonic_ns();
  }
  return below_.create_private(path);
}

ms::Status CheckpointWatch::rename(const std::string& from, const std::string& to) {
  ms::Status renamed = below_.rename(from, to);
  // docs/formats.md: the file COMMITTED names the checkpoint that counts.
  if (renamed.ok() && to.ends_with("/COMMITTED")) {
    const std::int64_t now_ns = clock_.monotonic_ns();
    const std::scoped_lock lock{mutex_};
    marks_.push_back({begin_ns_.value_or(now_ns), now_ns});
    begin_ns_.reset();
  }
  return renamed;
}

}  // namespace latency
