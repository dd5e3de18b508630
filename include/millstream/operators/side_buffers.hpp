// SideBuffers: records on their way to a stage's side outputs, gathered into one batch for each tag, with the
// watermarks at their places.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/channel/side_outputs.hpp"
#include "millstream/codec/heap_bytes.hpp"

namespace millstream::inline v0 {

class SideBuffers {
 public:
  /// Where a record stands in its stream.
  struct Place {
    Watermarks at;                   ///< what holds before it
    Timestamp time = kTimestampMin;  ///< its event time, where `timed`
    bool timed = false;
    std::int64_t ingested_ns = 0;
  };

  /// The output must be one of the stage's side outputs; a batch is sent when it holds `fill` records, or records that
  /// own kBatchHeapBytes.
  template <class T>
  void append(Output<T>& output, const Place& place, std::uint32_t fill, T value) {
    Buffer<T>& buffer = buffer_of(output);
    BatchOf<T>& batch = buffer.batch;
    // All records of a batch have the same columns.
    if (batch && (batch->size() >= fill || batch->times.present() != place.timed ||
                  (kOwnsHeap<T> && batch->heap_bytes >= kBatchHeapBytes))) {
      buffer.flush();
    }
    if (!batch) {
      batch = output.make();
      batch->start = place.at;
      batch->ingested_ns = place.ingested_ns;
    }
    batch->mark(place.at);
    if (place.timed) batch->times.enable()[batch->size()] = place.time;
    if constexpr (kOwnsHeap<T>) batch->heap_bytes += heap_bytes(value);
    batch->emplace_back(std::move(value));
  }
  /// Sends what waits.
  void flush() {
    for (const auto& buffer : buffers_) buffer->flush();
  }

 private:
  struct BufferBase {
    explicit BufferBase(const OutputBase& base) : key{&base} {}
    virtual ~BufferBase() = default;
    virtual void flush() = 0;
    const OutputBase* key;
  };
  template <class T>
  struct Buffer final : BufferBase {
    explicit Buffer(Output<T>& to) : BufferBase{to}, output{to} {}
    void flush() override {
      if (batch) output.emit(std::move(batch));
    }
    Output<T>& output;
    BatchOf<T> batch;
  };
  template <class T>
  Buffer<T>& buffer_of(Output<T>& output) {
    for (const auto& buffer : buffers_) {
      if (buffer->key == &output) return static_cast<Buffer<T>&>(*buffer);
    }
    buffers_.push_back(std::make_unique<Buffer<T>>(output));
    return static_cast<Buffer<T>&>(*buffers_.back());
  }

  std::vector<std::unique_ptr<BufferBase>> buffers_;
};

}  // namespace millstream::inline v0
