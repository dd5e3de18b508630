// SinkStage: gives records to the user's sink and keeps the rest of a batch while the sink has no room. A batch counts
// as taken, and its latency is recorded, when its last record is.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/core/histogram.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/operators/operator_stage.hpp"

namespace millstream::inline v0 {

/// The part that does not depend on the sink.
class MILLSTREAM_EXPORT SinkStageBase : public OperatorStage {
 public:
  bool ready() final { return !current_ && (sides_.empty() || sides_.ready()); }
  void push(BatchHandle batch) final;
  Progress step() final;
  Timestamp deadline() final { return current_ ? retry_at_ : flush_at_; }
  bool finished() const final { return ended_ && !current_ && sides_.outboxes_empty(); }
  void close(bool completed) final;
  OutputBase* output() final { return nullptr; }
  /// Time from reading a record to handing it to the sink; any thread.
  [[nodiscard]] const ConcurrentHistogram& latency() const noexcept { return latency_; }

 protected:
  /// Writes records from `from` on; returns how many the sink took.
  virtual std::uint32_t write(BatchBase& batch, std::uint32_t from) = 0;
  /// False if the sink has nothing to flush.
  virtual bool flush_sink() = 0;
  virtual void close_sink(bool completed) = 0;
  [[nodiscard]] virtual Timestamp wanted_retry() const = 0;
  /// Wakes the shard and lets the sink be asked again at once; for other threads.
  [[nodiscard]] Waker make_waker() const;
  /// The sink reported an error; it is not a matter of one record, so the job fails.
  void sink_failed(const Status& status);

 private:
  void proceed();

  BatchHandle current_;
  std::uint32_t written_ = 0;
  Timestamp retry_at_ = kTimestampMax;
  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
  Timestamp flush_at_ = kTimestampMax;  // again, though nothing has come since
  ConcurrentHistogram latency_;
  bool unflushed_ = false;
  bool pushed_ = false;
  bool ended_ = false;
};

namespace detail {

/// Runs f, whose result is void or Status, and turns an exception into a Status.
template <class F>
Status run_sink_member(F&& f) {
  try {
    if constexpr (std::is_same_v<decltype(f()), void>) {
      f();
      return {};
    } else {
      return f();
    }
  } catch (const std::exception& error) {
    return {ErrorCode::kUserFailure, std::string{"the sink threw: "} + error.what()};
  } catch (...) {
    return {ErrorCode::kUserFailure, "the sink threw an exception that is not a std::exception"};
  }
}

}  // namespace detail

template <class T, class Snk>
class SinkStage final : public SinkStageBase {
 public:
  explicit SinkStage(Snk sink) : sink_{std::move(sink)} {}

  void open() override {
    context_.emplace(name(), context().shard, context().shards, *context().file_system, *context().clock, context().log,
                     make_waker());
    if constexpr (requires { sink_.open(*context_); }) {
      const Status status = detail::run_sink_member([&] { return sink_.open(*context_); });
      if (status.ok()) {
        opened_ = true;
      } else {
        sink_failed(status);
      }
    } else {
      opened_ = true;
    }
  }

 private:
  std::uint32_t write(BatchBase& base, std::uint32_t from) override {
    auto& batch = static_cast<Batch<T>&>(base);
    if constexpr (requires(std::span<T> records) { sink_.write(records); }) {
      std::size_t taken = 0;
      const Status status = detail::run_sink_member([&]() -> Status {
        auto result = sink_.write(std::span<T>{batch.values() + from, batch.size() - from});
        if constexpr (std::is_convertible_v<decltype(result), std::size_t>) {
          taken = static_cast<std::size_t>(result);
        } else {
          if (!result) return result.error();
          taken = *result;
        }
        return {};
      });
      if (!status.ok()) sink_failed(status);
      MILLSTREAM_ASSERT(taken <= batch.size() - from);
      return static_cast<std::uint32_t>(taken);
    } else {
      std::uint32_t at = from;
      guarded(
          batch, from, batch.size(),
          [&](std::uint32_t i) {
            // A sink that takes long for each record must not outlast a cancel by a whole batch.
            if (context().cancelled()) return;
            if constexpr (std::is_same_v<decltype(sink_.write(std::as_const(batch.values()[i]))), void>) {
              sink_.write(std::as_const(batch.values()[i]));
            } else {
              const Status status = sink_.write(std::as_const(batch.values()[i]));
              if (!status.ok()) sink_failed(status);
            }
            at = i + 1;
          },
          [&](std::uint32_t i) { return detail::record_text(batch.values()[i]); },
          [&](std::uint32_t i) { at = i + 1; });
      return at - from;
    }
  }
  bool flush_sink() override {
    if constexpr (requires { sink_.flush(); }) {
      const Status status = detail::run_sink_member([&] { return sink_.flush(); });
      if (!status.ok()) sink_failed(status);
      return true;
    } else {
      return false;
    }
  }
  void close_sink(bool completed) override {
    if (!opened_) return;
    if constexpr (requires { sink_.close(SinkEnd::kFinished); }) {
      const SinkEnd end = completed ? SinkEnd::kFinished : SinkEnd::kAborted;
      const Status status = detail::run_sink_member([&] { return sink_.close(end); });
      if (!status.ok()) sink_failed(status);
    }
  }
  [[nodiscard]] Timestamp wanted_retry() const override { return context_->retry_at(); }

  Snk sink_;
  std::optional<SinkContext> context_;
  bool opened_ = false;
};

}  // namespace millstream::inline v0
