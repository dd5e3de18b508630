// The works by Millstream.
#include <algorithm>
#include <filesystem>
#include <millstream/millstream.hpp>
#include <span>
#include <stdexcept>

#include "millstream/testing/open_loop.hpp"
#include "peers/work.hpp"

namespace ms = millstream;

namespace peers {
namespace {

using namespace std::chrono_literals;

struct Events {
  Input records;
  std::shared_ptr<Meter> meter;
  std::size_t next = 0;

  void open(ms::SplitContext& context) { next = context.split().start.offset; }
  ms::Poll poll(ms::SourceOutput<Event>& out) {
    meter->read();
    const std::size_t count = std::min(out.room(), records->size() - next);
    out.emit_all({records->data() + next, count});
    next += count;
    return next < records->size() ? ms::Poll::more() : ms::Poll::done();
  }
  [[nodiscard]] ms::Position position() const { return {next, {}}; }
};

struct Taken {
  Digest digest;
  std::shared_ptr<Meter> meter;
};

// Folds what comes and keeps nothing of it. The one shard's.
template <class T>
struct Fold {
  std::shared_ptr<Taken> taken;
  std::size_t write(std::span<T> records) {
    Digest digest = taken->digest;
    for (const T& record : records) digest.fold(record);
    taken->digest = digest;
    taken->meter->wrote();
    return records.size();
  }
};

// The same of a work that has a rate.
struct LateFold {
  std::shared_ptr<Taken> taken;
  std::shared_ptr<Lateness> late;
  ms::testing::OpenLoop load;
  std::size_t write(std::span<Event> records) {
    const std::int64_t now_ns = ms::system_clock().monotonic_ns();
    for (const Event& record : records) {
      taken->digest.fold(record);
      late->add(number_of(record), now_ns - load.due_ns(number_of(record)));
    }
    taken->meter->wrote();
    return records.size();
  }
};

// Of all records, none of whose lateness the schedule itself leaves out: Lateness does.
ms::testing::OpenLoop open_loop(const Work& work, std::size_t records) {
  // Half a record less, for as many are sent as have begun to fall due.
  const double seconds = (static_cast<double>(records) - 0.5) / work.rate;
  return ms::testing::OpenLoop{{.rate = work.rate,
                                .duration = std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)},
                                .warmup = std::chrono::nanoseconds{0}}};
}

Event running_sum(const Event& sum, const Event& next) { return {sum.key, sum.value + next.value, next.at}; }

void declare_paced(ms::Dataflow& flow, const Work& work, const Input& input, const std::shared_ptr<Taken>& taken,
                   const std::shared_ptr<Lateness>& late) {
  const ms::testing::OpenLoop load = open_loop(work, input->size());
  flow.from(load.source([input, meter = taken->meter](const ms::testing::Arrival& arrival) {
        meter->read();
        return (*input)[arrival.number];
      }))
      .key_by(&Event::key)
      .reduce(running_sum)
      .to(LateFold{taken, late, load});
}

using WindowSum = ms::WindowResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;

void declare(ms::Dataflow& flow, const Work& work, const Events& events, const std::shared_ptr<Taken>& taken) {
  if (work.kind == Kind::kMapFilter) {
    flow.from(events)
        .map([](const Event& e) { return to_euro(e); })
        .filter([](const Event& e) { return is_large(e); })
        .to(Fold<Event>{taken});
  } else if (work.kind == Kind::kReduce) {
    flow.from(events).key_by(&Event::key).reduce(running_sum).to(Fold<Event>{taken});
  } else {
    flow.from(events)
        .event_time(&Event::at, ms::monotonic())
        .key_by(&Event::key)
        .window(work.slides == 1 ? ms::tumbling(1s) : ms::sliding(work.slides * 1s, 1s))
        .aggregate(ms::all_of(ms::count(), ms::sum(&Event::value)))
        .to(Fold<WindowSum>{taken});
  }
}

}  // namespace

Outcome run_by_millstream(const Work& work, const Input& input, const Checkpoints& checkpoints, ms::IdleStrategy idle) {
  const bool checkpointed = checkpoints.interval > 0ms;
  if (checkpointed) std::filesystem::remove_all(checkpoints.folder);
  const auto meter = std::make_shared<Meter>();
  const auto taken = std::make_shared<Taken>(Taken{{}, meter});
  ms::Dataflow flow{work.name};
  std::shared_ptr<Lateness> late;
  if (work.rate > 0) {
    late = std::make_shared<Lateness>(work.rate, input->size());
    declare_paced(flow, work, input, taken, late);
  } else {
    declare(flow, work, {input, meter}, taken);
  }
  ms::RunOptions options{.shards = 1, .log = nullptr};
  options.idle = idle;
  if (checkpointed) {
    options.state_dir = checkpoints.folder;
    options.checkpoint.interval = checkpoints.interval;
  }
  const ms::JobResult result = ms::run(flow, options);
  Outcome outcome = meter->outcome(taken->digest);
  if (checkpointed) std::filesystem::remove_all(checkpoints.folder);
  if (!result.ok()) throw std::runtime_error{result.status.to_string()};
  if (late) outcome.late = late->percentiles();
  return outcome;
}

}  // namespace peers
