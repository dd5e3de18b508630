// EventSource: the events of an input as a source of a dataflow.
#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/io/source.hpp"
#include "nexmark/input.hpp"

namespace nexmark {

struct EventSourceOptions {
  Input input;
  std::uint32_t split_count = 1;
  /// Events from this number on are held back; null = none. May rise at any time.
  std::shared_ptr<const std::atomic<std::uint64_t>> gate = nullptr;
  /// An event is emitted when the wall clock has come to its event time, and so has it as its processing time.
  bool by_wall_clock = false;
};

/// Event n belongs to split n modulo `split_count`. Replayable.
class EventSource {
 public:
  explicit EventSource(EventSourceOptions options) : options_{std::move(options)} {}

  std::vector<millstream::Split> splits(millstream::SourceContext&) const {
    std::vector<millstream::Split> all;
    for (std::uint32_t split = 0; split < options_.split_count; ++split) all.push_back({std::to_string(split)});
    return all;
  }
  void open(millstream::SplitContext& context) {
    const std::string& id = context.split().id;
    std::from_chars(id.data(), id.data() + id.size(), first_);
    done_ = context.split().start.offset;
    clock_ = &context.clock();
  }
  millstream::Poll poll(millstream::SourceOutput<Event>& out) {
    const std::uint64_t limit = options_.gate
                                    ? std::min(options_.gate->load(std::memory_order_relaxed), options_.input.events)
                                    : options_.input.events;
    const millstream::Timestamp now = options_.by_wall_clock ? clock_->now() : millstream::kTimestampMax;
    for (; out.room() > 0; ++done_) {
      const std::uint64_t n = first_ + done_ * options_.split_count;
      if (n >= options_.input.events) return millstream::Poll::done();
      if (n >= limit) return millstream::Poll::idle();
      if (options_.by_wall_clock && options_.input.generator->time(n) > now) {
        return millstream::Poll::idle_until(options_.input.generator->time(n));
      }
      out.emit(options_.input.generator->event(n));
    }
    return millstream::Poll::more();
  }
  millstream::Position position() const { return {done_, {}}; }

 private:
  EventSourceOptions options_;
  std::uint64_t first_ = 0;
  std::uint64_t done_ = 0;
  millstream::Clock* clock_ = nullptr;
};

}  // namespace nexmark
