// EncodedSource: events that lie encoded in memory as a source of a dataflow. Its records are views of them.
#pragma once

#include <functional>
#include <span>
#include <utility>

#include "millstream/io/source.hpp"
#include "nexmark/encoded.hpp"

namespace nexmark {

/// One split, whose offset is where the next event begins. Replayable. The bytes outlive the job.
class EncodedSource {
 public:
  /// `polled` is called ahead of each poll.
  explicit EncodedSource(std::span<const char> bytes, std::function<void()> polled = {})
      : bytes_{bytes}, polled_{std::move(polled)} {}

  void open(millstream::SplitContext& context) { reader_ = EventReader{bytes_, context.split().start.offset}; }
  millstream::Poll poll(millstream::SourceOutput<EventView>& out) {
    if (polled_) polled_();
    while (out.room() > 0) {
      if (reader_.done()) return millstream::Poll::done();
      out.emit(reader_.next());
    }
    return millstream::Poll::more();
  }
  [[nodiscard]] millstream::Position position() const { return {reader_.position(), {}}; }

 private:
  std::span<const char> bytes_;
  std::function<void()> polled_;
  EventReader reader_{{}};
};

}  // namespace nexmark
