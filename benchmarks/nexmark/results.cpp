#include "nexmark/results.hpp"

namespace nexmark {

Digest Results::digest() const {
  const std::lock_guard lock{mutex_};
  return published_;
}

void Results::publish(const Part& part) {
  const std::lock_guard lock{mutex_};
  published_.add(part.digest);
  if (lines_ != nullptr) *lines_ << part.lines;
}

std::string Results::prepare(const Part& part) {
  const std::lock_guard lock{mutex_};
  std::string handle = std::to_string(++last_handle_);
  prepared_.emplace(handle, part);
  return handle;
}

void Results::commit(const std::string& handle) {
  const std::lock_guard lock{mutex_};
  const auto found = prepared_.find(handle);
  if (found == prepared_.end()) return;
  published_.add(found->second.digest);
  if (lines_ != nullptr) *lines_ << found->second.lines;
  prepared_.erase(found);
}

void Results::recover(std::span<const std::string> handles) {
  for (const std::string& handle : handles) commit(handle);
  const std::lock_guard lock{mutex_};
  prepared_.clear();
}

}  // namespace nexmark
