// Where the results of a query go: a sink that folds them into a digest, and on request writes them as JSON lines. In a
// job with checkpoints each result is in the digest exactly once, however often the job is stopped and started again in
// this process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <span>
#include <string>
#include <utility>

#include "millstream/codec/encode.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/stream/stream.hpp"
#include "nexmark/digest.hpp"

namespace nexmark {

/// Some results.
struct Part {
  Digest digest = {};
  std::string lines = {};

  void add(Part&& more) {
    digest.add(more.digest);
    lines.append(more.lines);
    more = {};
  }
  template <class T>
  void take(const T& result, bool as_lines) {
    digest.fold(result);
    if (!as_lines) return;
    millstream::encode_json(result, lines);
    lines.push_back('\n');
  }
};

/// What was published, of all shards. Any thread.
class Results {
 public:
  /// `lines`: where they are written as JSON lines, too; null = nowhere. Outlives this.
  explicit Results(std::ostream* lines = nullptr) : lines_{lines} {}

  /// Called on the shard's thread behind each batch of results that came, before it is published. Set ahead of the job.
  void watch(std::function<void()> came) { came_ = std::move(came); }
  void came() const {
    if (came_) came_();
  }

  [[nodiscard]] bool as_lines() const { return lines_ != nullptr; }
  [[nodiscard]] Digest digest() const;
  void publish(const Part& part);

  // For a job with checkpoints.
  /// The handle by which commit() finds it.
  [[nodiscard]] std::string prepare(const Part& part);
  /// Publishes it, unless that was done before.
  void commit(const std::string& handle);
  /// Publishes these and forgets what else was prepared.
  void recover(std::span<const std::string> handles);

 private:
  mutable std::mutex mutex_;
  std::ostream* lines_;
  std::function<void()> came_;
  Digest published_;
  std::uint64_t last_handle_ = 0;
  std::map<std::string, Part> prepared_;
};

template <class T>
class ResultSink {
 public:
  explicit ResultSink(std::shared_ptr<Results> results) : results_{std::move(results)} {}

  void open(millstream::SinkContext& context) { checkpointed_ = context.checkpointed(); }
  std::size_t write(std::span<T> records) {
    const bool as_lines = results_->as_lines();
    for (const T& record : records) pending_.take(record, as_lines);
    results_->came();
    return records.size();
  }
  std::string prepare() {
    prepared_.add(std::move(pending_));
    return results_->prepare(prepared_);
  }
  void commit(const std::string& handle) {
    results_->commit(handle);
    prepared_ = {};
  }
  void recover(millstream::SinkContext&, std::span<const std::string> commit, std::span<const std::string>) {
    results_->recover(commit);
  }
  void close(millstream::SinkEnd end) {
    if (end == millstream::SinkEnd::kFinished && !checkpointed_) results_->publish(pending_);
  }

 private:
  std::shared_ptr<Results> results_;
  bool checkpointed_ = false;
  Part pending_;
  Part prepared_;  // and not committed: also that of checkpoints that failed
};

/// What a query is given to put its results.
class Outlet {
 public:
  Outlet(std::shared_ptr<Results> results, std::string folder)
      : results_{std::move(results)}, folder_{std::move(folder)} {}
  template <class T>
  void take(const millstream::Stream<T>& results) const {
    results.to(ResultSink<T>{results_}).named("results");
  }
  /// For a query that writes files itself.
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::shared_ptr<Results> results_;
  std::string folder_;
};

}  // namespace nexmark
