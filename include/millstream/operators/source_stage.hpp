// SourceStage: reads the splits of one source that this shard owns, in turn, as long as there is room downstream. It
// never buffers for a split that may not go on: backpressure and watermark alignment simply do not poll.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/io/source.hpp"
#include "millstream/operators/operator_stage.hpp"
#include "millstream/time/split_progress.hpp"

namespace millstream::inline v0 {

/// One split as its shard sees it, without the reader.
struct SplitRun {
  std::uint32_t number = 0;
  Timestamp retry_at = kTimestampMin;  // not polled before (wall clock)
  std::int64_t silent_since_ns = -1;   // monotonic; -1: not silent
  Duration backoff{0};                 // after Poll::idle()
  std::shared_ptr<std::atomic<bool>> woken = std::make_shared<std::atomic<bool>>(false);
  std::uint64_t records = 0;
  bool finished = false;
};

/// The part that does not depend on the source: which split is next, when to ask again, who is idle.
class MILLSTREAM_EXPORT SourceStageBase : public OperatorStage {
 public:
  SourceStageBase(std::shared_ptr<SplitProgress> progress, bool with_origins)
      : progress_{std::move(progress)}, with_origins_{with_origins} {}

  bool ready() final { return false; }
  void push(BatchHandle) final { MILLSTREAM_ASSERT(!"a source has no input"); }
  Progress step() final;
  Timestamp deadline() final;
  bool finished() const final { return ended_ && output_base().outbox_empty() && sides_.outboxes_empty(); }

 protected:
  /// Polls split `i` of runs_ and emits what it gives.
  virtual Poll poll_split(std::size_t i) = 0;
  [[nodiscard]] virtual const OutputBase& output_base() const = 0;
  /// An empty batch that carries what changed for the split.
  void announce(std::uint32_t split, Control control, const Watermarks& at);
  void bad_record(DeadLetter letter, OnError policy);
  /// The split has records again after having been idle.
  void note_records(SplitRun& run);

  std::shared_ptr<SplitProgress> progress_;
  std::vector<SplitRun> runs_;
  bool with_origins_;

 private:
  void note_silence(SplitRun& run, std::int64_t now_ns);
  void finish_split(SplitRun& run, SplitState state);
  void end_all();

  std::size_t next_ = 0;
  bool held_back_ = false;
  bool ended_ = false;
};

/// Src is the user's struct; each split has a copy of it.
template <class Src, class T>
class SourceStage final : public SourceStageBase {
 public:
  SourceStage(Src prototype, SourceContext source, std::vector<std::pair<std::uint32_t, Split>> splits,
              std::shared_ptr<SplitProgress> progress, std::uint32_t fill, bool with_origins)
      : SourceStageBase{std::move(progress), with_origins},
        prototype_{std::move(prototype)},
        source_{std::move(source)},
        splits_{std::move(splits)},
        fill_{fill} {}

  void open() override {
    for (auto& [number, split] : splits_) {
      SplitRun run;
      run.number = number;
      Waker waker{[woken = run.woken, wake = context().waker] {
        woken->store(true, std::memory_order_release);  // pairs with the exchange in step()
        wake.wake();
      }};
      readers_.push_back(std::make_unique<Reader>(
          Reader{prototype_, SplitContext{source_, std::move(split), number, context().log, std::move(waker)}}));
      runs_.push_back(std::move(run));
      Reader& reader = *readers_.back();
      if constexpr (requires { reader.source.open(reader.context); }) {
        const Status status = call([&]() -> Status {
          if constexpr (std::is_same_v<decltype(reader.source.open(reader.context)), void>) {
            reader.source.open(reader.context);
            return {};
          } else {
            return reader.source.open(reader.context);
          }
        });
        if (!status.ok()) {
          context().fail(status.at("source '" + name() + "', split " + reader.context.split().id));
          return;
        }
      }
    }
  }
  void close([[maybe_unused]] bool completed) override {
    for (auto& reader : readers_) {
      if constexpr (requires { reader->source.close(); }) {
        const Status status = call([&]() -> Status {
          if constexpr (std::is_same_v<decltype(reader->source.close()), void>) {
            reader->source.close();
            return {};
          } else {
            return reader->source.close();
          }
        });
        if (!status.ok()) context().fail(status.at("source '" + name() + "', split " + reader->context.split().id));
      }
    }
  }
  OutputBase* output() override { return &output_; }

 private:
  struct Reader {
    Src source;
    SplitContext context;
  };

  template <class F>
  static Status call(F&& f) {
    try {
      return f();
    } catch (const std::exception& error) {
      return {ErrorCode::kUserFailure, std::string{"threw: "} + error.what()};
    } catch (...) {
      return {ErrorCode::kUserFailure, "threw an exception that is not a std::exception"};
    }
  }
  [[nodiscard]] const OutputBase& output_base() const override { return output_; }

  Poll poll_split(std::size_t i) override {
    Reader& reader = *readers_[i];
    SplitRun& run = runs_[i];
    auto batch = output_.make();
    batch->split = run.number;
    batch->ingested_ns = context().clock->monotonic_ns();
    SourceOutput<T> out{*batch, fill_, bad_};
    Poll poll;
    const Status status = call([&]() -> Status {
      if constexpr (std::is_same_v<decltype(reader.source.poll(out)), Poll>) {
        poll = reader.source.poll(out);
        return {};
      } else {
        auto result = reader.source.poll(out);
        if (!result) return result.error();
        poll = *result;
        return {};
      }
    });
    OnError policy = on_error();
    if constexpr (requires { reader.source.on_bad_record(); }) policy = reader.source.on_bad_record();
    for (DeadLetter& letter : bad_) {
      if (letter.source.empty()) letter.source = reader.context.split().id;
      bad_record(std::move(letter), policy);
    }
    bad_.clear();
    if (!status.ok()) {
      context().fail(status.at("source '" + name() + "', split " + reader.context.split().id));
      return Poll::done();
    }
    if (!batch->empty()) {
      note_records(run);
      if (with_origins_) {
        Origin* origins = batch->origins.enable();
        for (std::uint32_t r = 0; r < batch->size(); ++r) origins[r] = {run.number, run.records + r};
      }
      run.records += batch->size();
      metrics_.records_out.add(batch->size());
      output_.emit(std::move(batch));
    }
    return poll;
  }

  Src prototype_;
  SourceContext source_;
  std::vector<std::pair<std::uint32_t, Split>> splits_;
  std::uint32_t fill_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<DeadLetter> bad_;
  Output<T> output_;
};

}  // namespace millstream::inline v0
