// Output: the side of a stage that batches leave by. It knows who takes them, copies where several do, and keeps what
// does not fit in an outbox until there is room; a stage whose output is not ready takes no further input.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/channel/stage.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// The part that does not depend on the type of the values.
class MILLSTREAM_EXPORT OutputBase {
 public:
  virtual ~OutputBase();
  /// While the graph is built. With no receiver at all batches are dropped.
  void connect(Receiver& receiver) { receivers_.push_back(&receiver); }
  [[nodiscard]] bool connected() const noexcept { return !receivers_.empty(); }

  /// Everything emitted so far has left, and there is room for one more batch.
  [[nodiscard]] bool ready() {
    if (outbox_head_ != outbox_.size()) return false;
    for (Receiver* receiver : receivers_) {
      if (!receiver->ready()) return false;
    }
    return true;
  }
  /// Gives the batch on, or keeps it in the outbox while there is no room.
  void emit(BatchHandle batch);
  /// ready() was asked and said yes since the last emit: gives the batch on without asking again.
  void emit_ready(BatchHandle batch) {
    if (receivers_.size() == 1) {
      receivers_.front()->push(std::move(batch));
    } else {
      fan_out(std::move(batch));
    }
  }
  /// Moves the outbox on as far as there is room.
  Progress drain();
  /// An empty batch of this output's type.
  [[nodiscard]] virtual BatchHandle make_empty() = 0;
  [[nodiscard]] bool outbox_empty() const noexcept { return outbox_head_ == outbox_.size(); }

 protected:
  /// A copy of the batch from the pool of this output.
  [[nodiscard]] virtual BatchHandle copy(const BatchBase& batch) = 0;
  /// Before the pool goes that its batches return to.
  void clear_outbox() noexcept {
    outbox_.clear();
    outbox_head_ = 0;
  }

 private:
  void fan_out(BatchHandle batch);

  std::vector<Receiver*> receivers_;
  std::vector<BatchHandle> outbox_;
  std::size_t outbox_head_ = 0;
};

/// An output of values of type T with the pool that its batches come from.
template <class T>
class Output final : public OutputBase {
 public:
  ~Output() override { clear_outbox(); }
  /// An empty batch.
  [[nodiscard]] std::unique_ptr<Batch<T>, BatchReturn> make() {
    return std::unique_ptr<Batch<T>, BatchReturn>{pool_.take()};
  }
  [[nodiscard]] BatchHandle make_empty() override { return make(); }

 protected:
  [[nodiscard]] BatchHandle copy(const BatchBase& batch) override {
    if constexpr (std::is_copy_constructible_v<T>) {
      const auto& from = static_cast<const Batch<T>&>(batch);
      auto to = make();
      to->copy_frame(from);
      std::uninitialized_copy(from.values(), from.values() + from.size(), to->values());
      to->set_size(from.size());
      return to;
    } else {
      // The graph refuses a second consumer of a stream whose type cannot be copied.
      MILLSTREAM_ASSERT(!"a record that cannot be copied has one consumer");
      return {};
    }
  }

 private:
  BatchPool<T> pool_;
};

template <class T>
using BatchOf = std::unique_ptr<Batch<T>, BatchReturn>;

/// The batch as what it is known to be.
template <class T>
[[nodiscard]] BatchOf<T> batch_cast(BatchHandle batch) noexcept {
  return BatchOf<T>{static_cast<Batch<T>*>(batch.release())};
}

}  // namespace millstream::inline v0
