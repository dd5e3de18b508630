// PacedFlights: a source around a source. It replays the flights of one file or several so fast that event time runs at
// a chosen multiple of real time, or so many a second, and never blocks its shard: it says when the next flight is due.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <millstream/connectors/file.hpp>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "flight.hpp"

class PacedFlights {
 public:
  /// `speed`: event time to real time; `rate`: flights a second, of all files together. Nothing = as fast as possible.
  PacedFlights(ms::file::Source<Flight> flights, std::optional<double> speed, std::optional<double> rate)
      : flights_{std::move(flights)}, speed_{speed}, rate_{rate} {}

  auto splits(ms::SourceContext& context) const { return flights_.splits(context); }

  ms::Status open(ms::SplitContext& context) {
    clock_ = &context.clock();
    return flights_.open(context);
  }

  ms::Result<ms::Poll> poll(ms::SourceOutput<Flight>& out) {
    if (!speed_ && !rate_) return flights_.poll(out);
    while (out.room() > 0) {
      if (!next_) {
        const ms::Result<ms::Poll> read = read_next(out);
        if (!read || !next_) return read;
      }
      const ms::Timestamp due = speed_ ? due_at(next_->scheduled_at) : due_by_rate();
      if (clock_->now() < due) return ms::Poll::idle_until(due);
      out.emit(*std::exchange(next_, std::nullopt));
    }
    return ms::Poll::more();
  }

  /// Where the flight begins that was read but is not yet due.
  [[nodiscard]] ms::Position position() const { return next_ ? next_position_ : flights_.position(); }
  void close() { flights_.close(); }

 private:
  // One flight at a time, because a restart must find the place of the one that waits.
  ms::Result<ms::Poll> read_next(ms::SourceOutput<Flight>& out) {
    ms::Batch<Flight> one{1};
    std::vector<ms::DeadLetter> bad;
    ms::SourceOutput<Flight> into{one, 1, bad};
    next_position_ = flights_.position();
    const ms::Result<ms::Poll> read = flights_.poll(into);
    for (ms::DeadLetter& letter : bad) out.bad_record(std::move(letter));
    if (!one.empty()) {
      next_ = std::move(*one.values());
      ticket_ = start_->read.fetch_add(1, std::memory_order_relaxed);
    }
    return read;
  }

  ms::Timestamp due_at(ms::Timestamp scheduled_at) {
    // The files are replayed beside each other, not each from its own beginning: event time runs from the earliest
    // flight that any of them began with. Which file is read first is chance, so an earlier beginning found later
    // counts.
    std::call_once(start_->once, [&] { start_->at = clock_->now(); });
    if (latest_ == ms::kTimestampMin) begin_no_later_than(scheduled_at);
    // By the running maximum: reports that come late in event time come when they came, not at once.
    latest_ = std::max(latest_, scheduled_at);
    const double microseconds =
        static_cast<double>(ms::saturating_distance(latest_, start_->first.load()).count()) / *speed_;
    return ms::saturating_add(start_->at, ms::Duration{static_cast<std::int64_t>(std::clamp(microseconds, 0.0, 9e18))});
  }

  ms::Timestamp due_by_rate() {
    std::call_once(start_->once, [&] { start_->at = clock_->now(); });
    return ms::saturating_add(start_->at,
                              ms::Duration{static_cast<std::int64_t>(static_cast<double>(ticket_) / *rate_ * 1e6)});
  }

  void begin_no_later_than(ms::Timestamp first) {
    ms::Timestamp known = start_->first.load();
    while (first < known && !start_->first.compare_exchange_weak(known, first)) {
    }
  }

  // Shared by the copies for all files.
  struct Start {
    std::once_flag once;
    ms::Timestamp at;                                     // when the replay began
    std::atomic<ms::Timestamp> first{ms::kTimestampMax};  // the event time that it began with
    std::atomic<std::uint64_t> read{0};                   // flights of all files
  };

  ms::file::Source<Flight> flights_;
  std::optional<double> speed_;
  std::optional<double> rate_;
  std::uint64_t ticket_ = 0;  // of the flight that waits
  ms::Clock* clock_ = nullptr;
  std::optional<Flight> next_;
  ms::Position next_position_;
  std::shared_ptr<Start> start_ = std::make_shared<Start>();
  ms::Timestamp latest_ = ms::kTimestampMin;
};
