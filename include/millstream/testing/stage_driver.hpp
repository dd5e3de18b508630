// StageDriver: runs one stage without threads, graph or runtime. It makes batches of any size from records and
// watermarks, stands in for the shard's loop, and records what the stage gives out, with the watermarks at their exact
// places. For tests of operators, by us and by users; single-threaded.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/operators/operator_stage.hpp"
#include "millstream/operators/process_stage.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/recorded_snapshot.hpp"

namespace millstream::inline v0::testing {

/// Takes what a stage gives out.
template <class T>
class Recorder final : public Receiver {
 public:
  struct Record {
    T value;
    std::optional<Timestamp> time;  ///< event time, where the stream has one
    Watermarks at;                  ///< what held before the record
    friend bool operator==(const Record&, const Record&) = default;
  };

  bool ready() override { return !room_ || *room_ > 0; }
  void push(BatchHandle handle) override {
    if (room_) {
      MILLSTREAM_ASSERT(*room_ > 0);
      --*room_;
    }
    auto batch = batch_cast<T>(std::move(handle));
    ++batches_;
    move_to(batch->start);
    std::size_t next_mark = 0;
    const auto pass_marks = [&](std::uint32_t place) {
      for (; next_mark < batch->marks.size() && batch->marks[next_mark].position <= place; ++next_mark) {
        move_to(batch->marks[next_mark].at);
      }
    };
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      pass_marks(i);
      MILLSTREAM_ASSERT(!ended_);
      std::optional<Timestamp> time;
      if (batch->times.present()) time = batch->times.data()[i];
      records_.push_back({std::move(batch->values()[i]), time, at_});
    }
    pass_marks(batch->size());
    if (batch->control == Control::kIdle) idle_ = true;
    if (batch->control == Control::kActive) idle_ = false;
    if (batch->control == Control::kEnd) ended_ = true;
  }

  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> all;
    for (const Record& record : records_) all.push_back(record.value);
    return all;
  }
  /// The merged watermarks in the order in which they came, each behind how many records.
  [[nodiscard]] const std::vector<std::pair<std::size_t, Timestamp>>& watermarks() const { return watermarks_; }
  [[nodiscard]] Timestamp watermark() const { return at_.merged; }
  [[nodiscard]] bool idle() const { return idle_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::size_t batches() const { return batches_; }
  /// Takes no more than so many further batches; nullopt = any number.
  void set_room(std::optional<std::size_t> batches) { room_ = batches; }
  /// Forgets the records; watermark and controls stay.
  void clear() {
    records_.clear();
    watermarks_.clear();
  }

 private:
  void move_to(const Watermarks& at) {
    MILLSTREAM_ASSERT(at.merged >= at_.merged);  // the merged watermark never goes back
    if (at.merged > at_.merged) watermarks_.emplace_back(records_.size(), at.merged);
    at_ = at;
  }

  std::vector<Record> records_;
  std::vector<std::pair<std::size_t, Timestamp>> watermarks_;
  Watermarks at_;
  std::optional<std::size_t> room_;
  std::size_t batches_ = 0;
  bool idle_ = false;
  bool ended_ = false;
};

struct DriverOptions {
  std::uint32_t batch_records = kBatchRecordsMax;  ///< a batch is sent when it is so full
  std::uint32_t shard = 0;
  std::uint32_t shards = 1;
  std::uint64_t seed = 1;
  OnError on_error = OnError::kFail;
  std::string name = "stage";
  Timestamp now{Duration{0}};  ///< at which the wall clock starts
};

/// Drives a stage that takes In and gives Out. Call, in this order: key_by and side where wanted, open, then anything.
template <class In, class Out>
class StageDriver : private BarrierListener {
 public:
  explicit StageDriver(std::unique_ptr<OperatorStage> stage, DriverOptions options = {})
      : options_{std::move(options)}, clock_{options_.now}, files_{clock_}, stage_{std::move(stage)} {
    context_.shard = options_.shard;
    context_.shards = options_.shards;
    context_.seed = options_.seed;
    context_.batch_records_max = options_.batch_records;
    context_.clock = &clock_;
    context_.file_system = &files_;
    context_.barriers = this;
    context_.log = [this](LogLevel, std::string_view message) { log_.emplace_back(message); };
    stage_->set_on_error(options_.on_error);
    stage_->attach(context_, options_.name);
    if (stage_->output() != nullptr) stage_->output()->connect(output_);
  }
  ~StageDriver() { close(false); }
  StageDriver(const StageDriver&) = delete;
  StageDriver& operator=(const StageDriver&) = delete;

  /// Batches carry the hash of this key, as behind a key_by.
  template <class KeyOf>
  void key_by(KeyOf key_of) {
    hash_ = [key_of](const In& record) {
      using K = std::remove_cvref_t<std::invoke_result_t<const KeyOf&, const In&>>;
      return hash_key<K>(std::invoke(key_of, record));
    };
  }
  /// Asks for a side output; stays valid as long as the driver.
  template <class T>
  Recorder<T>& side(const OutputTag<T>& tag) {
    auto recorder = std::make_unique<Recorder<T>>();
    Recorder<T>& result = *recorder;
    auto output = std::make_unique<Output<T>>();
    output->connect(result);
    stage_->side_outputs().add(tag.name(), typeid(T), std::move(output));
    sides_.push_back(std::move(recorder));
    return result;
  }
  void open() { stage_->open(); }

  /// The next record; with `time`, its event time. All records of a stream have one or none has.
  void push(In value, std::optional<Timestamp> time = std::nullopt) {
    if (batch_ && batch_->size() > 0 && batch_->times.present() != time.has_value()) flush();
    Batch<In>& batch = open_batch();
    const std::uint32_t at = batch.size();
    if (time) batch.times.enable()[at] = *time;
    if (hash_) batch.hashes.enable()[at] = hash_(value);
    batch.emplace_back(std::move(value));
    if (batch.size() >= options_.batch_records) flush();
  }
  /// Behind the records so far these watermarks hold.
  void watermark(Watermarks at) {
    open_batch().mark(at);
    at_ = at;
  }
  void watermark(Timestamp both) { watermark(Watermarks{both, both}); }
  void idle() { control(Control::kIdle); }
  void active() { control(Control::kActive); }
  /// The input ends as it is: a stop.
  void end() { control(Control::kEnd); }
  /// The input ends with the final watermark: a drain, or a bounded input.
  void drain() {
    watermark(kTimestampMax);
    end();
  }
  /// A barrier behind the records so far; what the stage said at it. There must be room for all that fires before.
  /// Changes are asked for, too: with what was said before they must come to the same, but for what has expired.
  [[nodiscard]] RecordedSnapshot barrier() {
    begin_barrier();
    RecordedSnapshot said = end_barrier();
    // Not each time, so that changes follow on changes, too.
    if (barriers_ % 2 == 0) return said;
    RecordedSnapshot whole;
    stage_->save(whole);
    whole.finish();
    MILLSTREAM_ASSERT(same(sorted(saved_), sorted(whole.entries())));
    saved_ = whole.entries();
    return whole;
  }
  /// The same in two: in between the stage goes on, while what it said at the barrier is still coming.
  void begin_barrier() {
    MILLSTREAM_ASSERT(!saving_);
    const std::uint64_t before = stage_->barrier();
    control(Control::kBarrier);
    MILLSTREAM_ASSERT(stage_->barrier() == before + 1);
    saving_.emplace(barriers_++ == 0 ? RecordedSnapshot::Extent::kWhole : RecordedSnapshot::Extent::kChanges);
    stage_->save(*saving_);
  }
  [[nodiscard]] RecordedSnapshot end_barrier() {
    saving_->finish();
    saving_->apply_to(saved_);
    saving_.reset();
    return RecordedSnapshot{saved_};
  }
  /// What stages of an earlier run said, one for each of its shards; directly behind open().
  [[nodiscard]] Status restore(const std::vector<RecordedSnapshot>& snapshots) {
    for (const RecordedSnapshot& each : snapshots) {
      if (Status s = each.restore(*stage_, options_.shard, options_.shards); !s.ok()) return s;
    }
    stage_->end_restore();
    return {};
  }
  /// Sends the batch under construction and lets the stage work as long as it makes progress.
  void flush() {
    if (batch_) waiting_.push_back(std::move(batch_));
    run();
  }
  /// Steps until there is nothing more to do, or no room.
  void run() {
    while (!context_.failed()) {
      if (!waiting_.empty() && stage_->ready()) {
        BatchHandle next = std::move(waiting_.front());
        waiting_.erase(waiting_.begin());
        stage_->push(std::move(next));
      } else if (step() != Progress::kAdvanced) {
        return;
      }
    }
  }
  /// One step of the stage.
  Progress step() {
    ++steps_;
    return stage_->step();
  }
  /// Moves the wall clock and runs.
  void advance(Duration by) {
    clock_.advance(by);
    run();
  }
  void close(bool completed = true) {
    if (!std::exchange(closed_, true)) stage_->close(completed);
  }

  [[nodiscard]] Recorder<Out>& output() { return output_; }
  [[nodiscard]] OperatorStage& stage() { return *stage_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }
  [[nodiscard]] ShardContext& context() { return context_; }
  [[nodiscard]] const StageMetrics& metrics() const { return stage_->metrics(); }
  [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
  /// Batches that the stage has not yet taken.
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  void reached(Stage&) override {}  // barrier() asks for the snapshot
  // Of an operator's states what has expired may still be said.
  [[nodiscard]] bool same(const std::vector<RecordedSnapshot::Entry>& said,
                          const std::vector<RecordedSnapshot::Entry>& there) const {
    if (dynamic_cast<const ProcessStageBase*>(stage_.get()) == nullptr) return said == there;
    return std::includes(said.begin(), said.end(), there.begin(), there.end());
  }
  static std::vector<RecordedSnapshot::Entry> sorted(std::vector<RecordedSnapshot::Entry> entries) {
    std::sort(entries.begin(), entries.end());
    return entries;
  }
  Batch<In>& open_batch() {
    if (!batch_) {
      batch_.reset(pool_.take());
      batch_->start = at_;
    }
    return *batch_;
  }
  void control(Control said) {
    open_batch().control = said;
    flush();
  }

  DriverOptions options_;
  ManualClock clock_;
  MemoryFileSystem files_;
  ShardContext context_;
  std::vector<std::string> log_;
  BatchPool<In> pool_;
  Recorder<Out> output_;
  std::vector<std::unique_ptr<Receiver>> sides_;
  std::function<std::uint64_t(const In&)> hash_;
  std::vector<BatchHandle> waiting_;
  BatchOf<In> batch_;
  Watermarks at_;
  std::size_t steps_ = 0;
  bool closed_ = false;
  std::size_t barriers_ = 0;
  std::optional<RecordedSnapshot> saving_;      // at the last barrier, until end_barrier()
  std::vector<RecordedSnapshot::Entry> saved_;  // at the last barrier
  std::unique_ptr<OperatorStage> stage_;        // goes first: its batches rest in our pools
};

}  // namespace millstream::inline v0::testing
