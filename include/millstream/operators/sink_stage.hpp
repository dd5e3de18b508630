// SinkStage: gives records to the user's sink and keeps the rest of a batch while the sink has no room. A batch counts
// as taken, and its latency is recorded, when its last record is; a barrier is reached with it, and when nothing waits
// in the sink any more.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/core/histogram.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/operators/operator_stage.hpp"

namespace millstream::inline v0 {

/// The part that does not depend on the sink.
class MILLSTREAM_EXPORT SinkStageBase : public OperatorStage {
 public:
  SinkStageBase();
  ~SinkStageBase() override;

  bool ready() final { return !current_ && (sides_.empty() || sides_.ready()); }
  void push(BatchHandle batch) final;
  Progress step() final;
  std::int64_t retry_at_ns() final {
    if (current_) return retry_at_ns_;
    return may_send_ ? std::min(retry_at_ns_, flush_at_ns_) : flush_at_ns_;
  }
  bool finished() const final { return ended_ && !current_ && sides_.outboxes_empty(); }
  void open() final;
  void close(bool completed) final;
  OutputBase* output() final { return nullptr; }
  /// Lets the sink prepare what it was given, and gives on the handle.
  void save(Snapshot& snapshot) final;
  /// The checkpoint of the newest save() is decided: commits what was prepared then. Once; nothing where nothing was.
  void commit_prepared();
  /// Before open(), on the stage of shard 0 alone: the handles of an earlier run that were decided, and those that were
  /// not.
  [[nodiscard]] Status recover(std::span<const std::string> commit, std::span<const std::string> abort);
  /// Time from reading a record to handing it to the sink; any thread.
  [[nodiscard]] const ConcurrentHistogram& latency() const noexcept { return latency_; }

 protected:
  // The user's struct; all may throw.
  virtual Status open_sink(SinkContext& context) = 0;
  /// Writes records from `from` on; `taken`: how many the sink took.
  virtual Status write_some(BatchBase& batch, std::uint32_t from, std::uint32_t& taken) = 0;
  /// `empty`: nothing that it has taken waits in it.
  virtual Status drain_sink(bool& empty) = 0;
  /// `flushes`: the sink has something to flush.
  virtual Status flush_sink(bool& flushes) = 0;
  virtual Status close_sink(SinkEnd end) = 0;
  /// `handle` stays empty for a sink that takes no part in checkpoints.
  virtual Status prepare_sink(std::optional<std::string>& handle) = 0;
  virtual Status commit_sink(const std::string& handle) = 0;
  virtual Status recover_sink(SinkContext& context, std::span<const std::string> commit,
                              std::span<const std::string> abort) = 0;

 private:
  void proceed();
  [[nodiscard]] bool drained(bool draining);
  void wait_for_sink();
  template <class F>
  [[nodiscard]] Status status_of(F&& f) const;
  template <class F>
  void call(F&& f);
  void make_context();
  [[nodiscard]] Waker make_waker() const;

  BatchHandle current_;
  std::uint32_t written_ = 0;
  std::int64_t retry_at_ns_ = kNeverNs;  // monotonic, as all of this stage's times
  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
  std::int64_t flush_at_ns_ = kNeverNs;  // again, though nothing has come since
  ConcurrentHistogram latency_;
  std::optional<SinkContext> sink_context_;
  std::optional<std::string> uncommitted_;  // handle of the newest prepare
  bool opened_ = false;
  bool unflushed_ = false;
  bool pushed_ = false;
  bool may_send_ = false;  // since it was woken; until nothing that it has taken waits in it
  bool ended_ = false;
};

template <class T, class Snk>
class SinkStage final : public SinkStageBase {
 public:
  explicit SinkStage(Snk sink) : sink_{std::move(sink)} {}
  /// `decider`: what the sink's make_decider() has made for this run; null in a job without checkpoints.
  SinkStage(Snk sink, [[maybe_unused]] const std::shared_ptr<Decider>& decider) : SinkStage{std::move(sink)} {
    if constexpr (requires { std::as_const(sink_).make_decider(); }) {
      using Own = typename decltype(std::as_const(sink_).make_decider())::element_type;
      if (decider) sink_.decide_by(std::static_pointer_cast<Own>(decider));
    }
  }

 private:
  Status open_sink([[maybe_unused]] SinkContext& context) override {
    if constexpr (requires { sink_.open(context); }) {
      return as_status([&] { return sink_.open(context); });
    } else {
      return {};
    }
  }
  Status write_some(BatchBase& base, std::uint32_t from, std::uint32_t& taken) override {
    auto& batch = static_cast<Batch<T>&>(base);
    if constexpr (requires(std::span<T> records) { sink_.write(records); }) {
      const auto result = sink_.write(std::span<T>{batch.values() + from, batch.size() - from});
      if constexpr (std::is_convertible_v<decltype(result), std::size_t>) {
        taken = static_cast<std::uint32_t>(result);
      } else {
        if (!result) return result.error();
        taken = static_cast<std::uint32_t>(*result);
      }
      MILLSTREAM_ASSERT(taken <= batch.size() - from);
      return {};
    } else {
      Status failure;
      guarded(
          batch, from, batch.size(),
          [&](std::uint32_t i) {
            // A sink that takes long for each record must not outlast a cancel by a whole batch.
            if (!failure.ok() || context().cancelled()) return;
            failure = as_status([&] { return sink_.write(std::as_const(batch.values()[i])); });
            taken = i + 1 - from;
          },
          [&](std::uint32_t i) { return detail::record_text(batch.values()[i]); },
          [&](std::uint32_t i) { taken = i + 1 - from; });
      return failure;
    }
  }
  Status drain_sink([[maybe_unused]] bool& empty) override {
    if constexpr (requires { sink_.drain(); }) {
      const auto result = sink_.drain();
      if constexpr (std::is_same_v<decltype(result), const bool>) {
        empty = result;
      } else {
        if (!result) return result.error();
        empty = *result;
      }
    }
    return {};
  }
  Status flush_sink([[maybe_unused]] bool& flushes) override {
    if constexpr (requires { sink_.flush(); }) {
      flushes = true;
      return as_status([&] { return sink_.flush(); });
    } else {
      return {};
    }
  }
  Status close_sink([[maybe_unused]] SinkEnd end) override {
    if constexpr (requires { sink_.close(end); }) {
      return as_status([&] { return sink_.close(end); });
    } else {
      return {};
    }
  }
  Status prepare_sink([[maybe_unused]] std::optional<std::string>& handle) override {
    if constexpr (requires { sink_.prepare(); }) {
      Result<std::string> prepared = sink_.prepare();
      if (!prepared) return prepared.error();
      handle = *std::move(prepared);
    }
    return {};
  }
  Status commit_sink([[maybe_unused]] const std::string& handle) override {
    if constexpr (requires { sink_.commit(handle); }) {
      return as_status([&] { return sink_.commit(handle); });
    } else {
      return {};
    }
  }
  Status recover_sink([[maybe_unused]] SinkContext& context, [[maybe_unused]] std::span<const std::string> commit,
                      [[maybe_unused]] std::span<const std::string> abort) override {
    if constexpr (requires { sink_.recover(context, commit, abort); }) {
      return as_status([&] { return sink_.recover(context, commit, abort); });
    } else {
      return {};
    }
  }
  template <class F>
  static Status as_status(F&& f) {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return {};
    } else {
      return f();
    }
  }

  Snk sink_;
};

}  // namespace millstream::inline v0
