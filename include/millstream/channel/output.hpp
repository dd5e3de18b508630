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
  void connect(Receiver& receiver);
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
  [[nodiscard]] BatchHandle make_empty() { return BatchHandle{pool_.take_any()}; }
  [[nodiscard]] bool outbox_empty() const noexcept { return outbox_head_ == outbox_.size(); }

 protected:
  /// How the batches of one type are made and how their values are copied to an empty one; copy_values is null where
  /// they cannot be: the graph refuses a second consumer of such a stream.
  struct Values {
    BatchBase* (*make)(std::uint32_t capacity);
    void (*copy)(const BatchBase& from, BatchBase& to);
  };
  explicit OutputBase(const Values& values);

 private:
  void fan_out(BatchHandle batch);
  [[nodiscard]] BatchHandle copy(const BatchBase& batch);

  BatchRest pool_;  // outlives the batches in the outbox
  void (*copy_values_)(const BatchBase& from, BatchBase& to);
  std::vector<Receiver*> receivers_;
  std::vector<BatchHandle> outbox_;
  std::size_t outbox_head_ = 0;
};

namespace detail {
template <class T>
void copy_values(const BatchBase& from, BatchBase& to) {
  const T* values = static_cast<const Batch<T>&>(from).values();
  std::uninitialized_copy(values, values + from.size(), static_cast<Batch<T>&>(to).values());
  to.set_size(from.size());
}
template <class T>
constexpr auto copier() -> void (*)(const BatchBase&, BatchBase&) {
  if constexpr (std::is_copy_constructible_v<T>) {
    return &copy_values<T>;
  } else {
    return nullptr;
  }
}
}  // namespace detail

/// An output of values of type T with the pool that its batches come from.
template <class T>
class Output final : public OutputBase {
 public:
  Output() : OutputBase{{&detail::make_batch<T>, detail::copier<T>()}} {}
  /// An empty batch.
  [[nodiscard]] std::unique_ptr<Batch<T>, BatchReturn> make() {
    return std::unique_ptr<Batch<T>, BatchReturn>{static_cast<Batch<T>*>(make_empty().release())};
  }
};

template <class T>
using BatchOf = std::unique_ptr<Batch<T>, BatchReturn>;

/// The batch as what it is known to be.
template <class T>
[[nodiscard]] BatchOf<T> batch_cast(BatchHandle batch) noexcept {
  return BatchOf<T>{static_cast<Batch<T>*>(batch.release())};
}

}  // namespace millstream::inline v0
