// SourceStage: reads the splits of one source that this shard owns, in turn, as long as there is room downstream. It
// never buffers for a split that may not go on: backpressure and watermark alignment simply do not poll. A split is
// opened at its first poll and closed at its end.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/io/source.hpp"
#include "millstream/operators/operator_stage.hpp"
#include "millstream/time/split_progress.hpp"

namespace millstream::inline v0 {

/// Bounded splits (see Split::bounded) that a shard has open at once: each holds a file descriptor and buffers, and
/// reading more of them in turn gains nothing. A process has some thousand descriptors, so many shards have fewer each.
constexpr std::size_t open_splits_max(std::uint32_t shards) {
  return std::clamp<std::size_t>(512 / std::max(shards, 1U), 4, 64);
}

/// A copy of the user's struct, for one split.
using SplitReader = std::unique_ptr<void, void (*)(void*)>;

/// One split as its shard sees it.
struct SplitRun {
  std::uint32_t number = 0;
  bool bounded = false;
  std::int64_t retry_at_ns = std::numeric_limits<std::int64_t>::min();  // not polled before (monotonic)
  std::int64_t silent_since_ns = -1;                                    // monotonic; -1: not silent
  Duration backoff{0};                                                  // after Poll::idle()
  std::shared_ptr<std::atomic<bool>> woken = std::make_shared<std::atomic<bool>>(false);
  std::uint64_t records = 0;
  bool open = false;
  bool finished = false;
  SplitReader reader{nullptr, nullptr};  // while it is open
  std::optional<Position> left_at;       // where it ended
};

/// What a source's stage is made from, on one shard.
struct SourceSetup {
  SourceContext context;
  struct Share {
    std::uint32_t number = 0;
    Split split;
    bool finished = false;  ///< an earlier run has read it to its end
  };
  std::vector<Share> splits;                ///< those of this shard
  std::shared_ptr<SplitProgress> progress;  ///< of all splits of the source
  std::size_t open_splits_max = 64;         ///< bounded ones, at once on this shard
  bool with_origins = false;                ///< somebody downstream wants to know where records came from
};

/// The part that does not depend on the source: which split is next, when to ask again, who is idle, what becomes of
/// bad records and exceptions.
class MILLSTREAM_EXPORT SourceStageBase : public OperatorStage {
 public:
  explicit SourceStageBase(const SourceSetup& setup);
  ~SourceStageBase() override;

  void open() final;
  void close(bool completed) final;
  bool ready() final { return false; }
  void push(BatchHandle) final { MILLSTREAM_ASSERT(!"a source has no input"); }
  Progress step() final;
  std::int64_t retry_at_ns() final;
  void save(Snapshot& snapshot) final;
  bool finished() const final { return ended_ && output_base().outbox_empty() && sides_.outboxes_empty(); }

 protected:
  // The user's struct; all may throw.
  virtual SplitReader make_reader() = 0;
  virtual Status open_reader(void* reader, SplitContext& context) = 0;
  virtual Result<Poll> poll_reader(void* reader, BatchBase& batch, std::vector<DeadLetter>& bad) = 0;
  virtual Status close_reader(void* reader) = 0;
  /// Where the next record begins; the start of the split where the source cannot say.
  [[nodiscard]] virtual Position position_of(void* reader) const = 0;
  [[nodiscard]] virtual OnError bad_record_policy(void* reader) const = 0;
  [[nodiscard]] virtual const OutputBase& output_base() const = 0;

 private:
  /// Not while as many bounded splits are open as may be.
  [[nodiscard]] bool may_be_polled(const SplitRun& run) const noexcept {
    return run.open || !run.bounded || open_bounded_ < setup_.open_splits_max;
  }
  void add_split(std::uint32_t number, Split split, bool finished);
  void take_arrivals();
  void take_last_arrivals(std::size_t ending);
  /// Sends every barrier that is asked for, also while there is no room: it waits in the outbox.
  void send_barriers();
  void open_split(std::size_t i);
  Poll poll_split(std::size_t i);
  void schedule_next(SplitRun& run, const Poll& poll, bool got, std::int64_t now_ns);
  void close_split(std::size_t i);
  /// An empty batch that carries what changed for the split.
  void announce(std::uint32_t split, Control control, const Watermarks& at);
  void bad_record(DeadLetter letter, OnError policy);
  /// The split has records again after having been idle.
  void note_records(SplitRun& run);
  void note_silence(SplitRun& run, std::int64_t now_ns);
  void finish_split(std::size_t i);
  void end_all();
  [[nodiscard]] Status placed(const Status& status, std::size_t i) const;

  SourceSetup setup_;
  std::weak_ptr<void> shared_;  // of the splits, for those that come later
  std::shared_ptr<SplitProgress> progress_;
  std::vector<SplitRun> runs_;
  std::vector<std::unique_ptr<SplitContext>> contexts_;
  std::vector<DeadLetter> bad_;
  std::size_t next_ = 0;
  std::size_t open_bounded_ = 0;
  bool held_back_ = false;
  bool ended_ = false;
};

/// Src is the user's struct; each split has a copy of it.
template <class Src, class T>
class SourceStage final : public SourceStageBase {
 public:
  SourceStage(Src prototype, const SourceSetup& setup, std::uint32_t fill)
      : SourceStageBase{setup}, prototype_{std::move(prototype)}, fill_{fill} {}
  OutputBase* output() override { return &output_; }

 private:
  static Src& struct_of(void* reader) noexcept { return *static_cast<Src*>(reader); }

  SplitReader make_reader() override {
    return {new Src(prototype_), [](void* reader) { delete static_cast<Src*>(reader); }};
  }
  Status open_reader([[maybe_unused]] void* reader, [[maybe_unused]] SplitContext& split) override {
    if constexpr (requires { struct_of(reader).open(split); }) {
      if constexpr (std::is_void_v<decltype(struct_of(reader).open(split))>) {
        struct_of(reader).open(split);
      } else {
        return struct_of(reader).open(split);
      }
    }
    return {};
  }
  Result<Poll> poll_reader(void* reader, BatchBase& batch, std::vector<DeadLetter>& bad) override {
    SourceOutput<T> out{static_cast<Batch<T>&>(batch), fill_, bad};
    return struct_of(reader).poll(out);
  }
  Status close_reader([[maybe_unused]] void* reader) override {
    if constexpr (requires { struct_of(reader).close(); }) {
      if constexpr (std::is_void_v<decltype(struct_of(reader).close())>) {
        struct_of(reader).close();
      } else {
        return struct_of(reader).close();
      }
    }
    return {};
  }
  [[nodiscard]] OnError bad_record_policy([[maybe_unused]] void* reader) const override {
    if constexpr (requires { struct_of(reader).on_bad_record(); }) {
      return struct_of(reader).on_bad_record();
    } else {
      return on_error();
    }
  }
  [[nodiscard]] const OutputBase& output_base() const override { return output_; }
  [[nodiscard]] Position position_of([[maybe_unused]] void* reader) const override {
    if constexpr (requires { struct_of(reader).position(); }) {
      return struct_of(reader).position();
    } else {
      return {};
    }
  }

  Src prototype_;
  std::uint32_t fill_;
  Output<T> output_;
};

}  // namespace millstream::inline v0
