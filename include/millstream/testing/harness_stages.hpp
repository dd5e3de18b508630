// The two ends of an operator harness: a source stage that gives on what a test feeds it, and a sink stage that
// records.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "millstream/operators/transform_stage.hpp"
#include "millstream/testing/stage_driver.hpp"

namespace millstream::inline v0::testing {

/// What is to be given on, in order.
template <class T>
struct Feed {
  struct Entry {
    std::optional<T> value;
    std::optional<Timestamp> time;       ///< of the value
    std::optional<Timestamp> watermark;  ///< from here on
    Control control = Control::kNone;
  };
  std::deque<Entry> entries;
};

/// One batch for each entry.
template <class T>
class FeedStage final : public OperatorStage {
 public:
  explicit FeedStage(std::shared_ptr<Feed<T>> feed) : feed_{std::move(feed)} {}
  bool ready() override { return false; }
  void push(BatchHandle) override { MILLSTREAM_ASSERT(!"a feed has no input"); }
  Progress step() override {
    if (output_.drain() == Progress::kBlocked || !output_.ready()) return Progress::kBlocked;
    if (feed_->entries.empty()) return Progress::kIdle;
    typename Feed<T>::Entry entry = std::move(feed_->entries.front());
    feed_->entries.pop_front();
    auto batch = output_.make();
    batch->ingested_ns = context().clock->monotonic_ns();
    batch->start = at_;
    if (entry.value) {
      if (entry.time) batch->times.enable()[0] = *entry.time;
      batch->emplace_back(*std::move(entry.value));
      metrics_.records_out.add(1);
    }
    if (entry.watermark && *entry.watermark > at_.merged) at_ = {*entry.watermark, *entry.watermark};
    batch->mark(at_);
    batch->control = entry.control;
    ended_ = entry.control == Control::kEnd;
    output_.emit(std::move(batch));
    return Progress::kAdvanced;
  }
  bool finished() const override { return ended_ && output_.outbox_empty(); }
  OutputBase* output() override { return &output_; }

 private:
  std::shared_ptr<Feed<T>> feed_;
  Output<T> output_;
  Watermarks at_;
  bool ended_ = false;
};

/// Stands where event times are given, for the graph to see; the feed has done it.
template <class T>
class PassStage final : public TransformStage<T> {
 private:
  void transform(BatchHandle batch) override { this->emit(std::move(batch)); }
};

template <class T>
class RecorderStage final : public OperatorStage {
 public:
  explicit RecorderStage(std::shared_ptr<Recorder<T>> recorder) : recorder_{std::move(recorder)} {}
  bool ready() override { return recorder_->ready(); }
  void push(BatchHandle batch) override {
    metrics_.records_in.add(batch->size());
    metrics_.records_out.add(batch->size());
    recorder_->push(std::move(batch));
  }
  bool finished() const override { return recorder_->ended(); }
  OutputBase* output() override { return nullptr; }

 private:
  std::shared_ptr<Recorder<T>> recorder_;
};

}  // namespace millstream::inline v0::testing
