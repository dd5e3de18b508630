// Functions that throw, in every kind of stage and under every policy: the job fails and names the record, or the
// other records come out as if the bad ones had never been, counted or as dead letters.
#include <gtest/gtest.h>

#include <algorithm>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

struct Order {
  std::int64_t id = 0;
  std::int64_t key = 0;
  Timestamp at{};
  friend bool operator==(const Order&, const Order&) = default;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, key, at))

constexpr std::int64_t kOrders = 300;
bool is_bad(const Order& o) { return o.id % 10 == 3; }
void check(const Order& o) {
  if (is_bad(o)) throw std::runtime_error{"bad order"};
}

std::vector<std::vector<Order>> orders() {
  std::vector<std::vector<Order>> splits(2);
  for (std::int64_t i = 0; i < kOrders; ++i) {
    splits[static_cast<std::size_t>(i % 2)].push_back({i, i % 4, Timestamp{i * 1ms}});
  }
  return splits;
}
using Sum = WindowResult<std::int64_t, std::int64_t>;

struct ThrowingSum {
  struct Acc {
    std::int64_t sum = 0;
    BOOST_DESCRIBE_CLASS(Acc, (), (sum), (), ())
  };
  Acc create() const { return {}; }
  void add(Acc& acc, const Order& o) const {
    check(o);
    acc.sum += o.id;
  }
  void merge(Acc& acc, const Acc& later) const { acc.sum += later.sum; }
  std::int64_t result(const Acc& acc) const { return acc.sum; }
};
struct ThrowingOperator {
  void process(const Order& o, Collector<Order>& out) {
    check(o);
    out.emit(o);
  }
};
// Where the ids of good orders end up; a sum counts as its orders do.
struct Collected {
  memory::Sink<std::int64_t> ids = memory::sink<std::int64_t>();
  memory::Sink<DeadLetter> letters = memory::sink<DeadLetter>();
};
struct ThrowingSink {
  memory::Sink<std::int64_t> ids;
  void open(SinkContext& context) { ids.open(context); }
  void write(const Order& o) {
    check(o);
    std::int64_t id = o.id;
    ids.write({&id, 1});
  }
};

const char* const kStages[] = {"map",    "filter",    "flat_map", "peek",    "event_time",    "key_by", "split",
                               "reduce", "aggregate", "window",   "session", "early windows", "process"};

// A dataflow in which the functions of one stage throw for every bad order.
void declare(Dataflow& flow, const std::string& where, OnError policy, Collected& out) {
  const Stream<Order> source = flow.from(memory::split_source(orders()));
  const auto with = [&](auto stream) {
    stream.named("the stage").on_error(policy);
    if (policy == OnError::kDeadLetter) stream.side_output(dead_letters).to(out.letters);
    return stream;
  };
  const auto id = [](const Order& o) { return o.id; };
  const auto passed = [](const Order& o) {
    check(o);
    return o;
  };
  const auto timed = [&] { return source.event_time(&Order::at, bounded_disorder(1s)); };
  const auto summed = [](const Sum& s) { return s.value; };
  if (where == "map") with(source.map(passed)).map(id).to(out.ids);
  if (where == "filter") {
    with(source.filter([](const Order& o) {
      check(o);
      return true;
    }))
        .map(id)
        .to(out.ids);
  }
  if (where == "flat_map") {
    with(source.flat_map<Order>([](const Order& o, Collector<Order>& c) {
      check(o);
      c.emit(o);
    }))
        .map(id)
        .to(out.ids);
  }
  if (where == "peek") with(source.peek(check)).map(id).to(out.ids);
  if (where == "event_time") {
    with(source.event_time(
             [](const Order& o) {
               check(o);
               return o.at;
             },
             monotonic()))
        .map(id)
        .to(out.ids);
  }
  if (where == "split") {
    const auto parts = source.split({{"all", [](const Order& o) {
                                        check(o);
                                        return o.id % 2 == 0;
                                      }}});
    with(parts.rest()).map(id).to(out.ids);
    parts.branch("all").map(id).to(out.ids);
  }
  if (where == "reduce") {
    with(source.key_by(&Order::id).reduce([](const Order&, const Order& b) { return b; })).map(id).to(out.ids);
  }
  if (where == "aggregate") {
    with(source.key_by(&Order::key).aggregate(ThrowingSum{})).map([](const auto& r) { return r.value; }).to(out.ids);
  }
  if (where == "window") {
    with(timed().key_by(&Order::key).window(tumbling(24h)).aggregate(ThrowingSum{})).map(summed).to(out.ids);
  }
  if (where == "session") {
    with(timed().key_by(&Order::key).window(session(24h)).aggregate(ThrowingSum{})).map(summed).to(out.ids);
  }
  if (where == "early windows") {
    with(timed().key_by(&Order::key).window(tumbling(24h)).trigger(early_every(1'000)).aggregate(ThrowingSum{}))
        .map(summed)
        .to(out.ids);
  }
  if (where == "process") with(source.process(ThrowingOperator{})).map(id).to(out.ids);
  if (where == "key_by") {
    with(source.key_by([](const Order& o) {
      check(o);
      return o.id;
    }))
        .process<Order>([](const Order& o, Collector<Order>& c) { c.emit(o); })
        .map(id)
        .to(out.ids);
  }
}
bool throws(const std::string& where) { return where != "reduce"; }  // each key has one order: nothing to reduce
bool sums(const std::string& where) {
  return where == "window" || where == "session" || where == "early windows" || where == "aggregate";
}

std::int64_t good_total() {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < kOrders; ++i) total += is_bad({i, 0, {}}) ? 0 : i;
  return total;
}

template <class Check>
void in_many_ways(const std::string& where, OnError policy, Check&& check_result) {
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    SCOPED_TRACE(where + ", seed " + std::to_string(seed));
    Collected out;
    Dataflow flow{"policies"};
    declare(flow, where, policy, out);
    constexpr std::uint32_t kBatches[] = {1, 7, 1024};
    check_result(kit::Simulator{{.seed = seed,
                                 .shards = static_cast<std::uint32_t>(1 + seed / 3),
                                 .batch = kBatches[seed % 3],
                                 .exchange_slots = 2}}
                     .run(flow),
                 out);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Policies, FailNamesTheStageAndTheRecord) {
  for (const std::string where : kStages) {
    if (!throws(where)) continue;
    in_many_ways(where, OnError::kFail, [&](const kit::SimulationResult& result, Collected&) {
      EXPECT_EQ(result.state, JobState::kFailed);
      EXPECT_EQ(result.status.code(), ErrorCode::kUserFailure);
      EXPECT_NE(result.status.message().find("bad order"), std::string::npos) << result.status.message();
      EXPECT_NE(result.status.message().find("the stage"), std::string::npos) << result.status.message();
      EXPECT_NE(result.status.message().find("\"id\":"), std::string::npos) << result.status.message();
    });
  }
}

TEST(Policies, SkippedRecordsAreCountedAndTheOthersExact) {
  for (const std::string where : kStages) {
    // A peek that threw has seen its record; a running aggregate gives out sums of sums.
    if (!throws(where) || where == "aggregate" || where == "peek") continue;
    in_many_ways(where, OnError::kSkip, [&](const kit::SimulationResult& result, Collected& out) {
      ASSERT_TRUE(result.ok()) << result.status.to_string();
      EXPECT_EQ(result.metrics.skipped, kOrders / 10);
      const auto ids = out.ids.records();
      EXPECT_EQ(std::accumulate(ids.begin(), ids.end(), std::int64_t{0}), good_total());
      if (!sums(where)) {
        EXPECT_EQ(ids.size(), static_cast<std::size_t>(kOrders - kOrders / 10));
      }
    });
  }
}

TEST(Policies, DeadLettersHoldTheRecordThePlaceAndTheReason) {
  for (const std::string where : kStages) {
    // A peek that threw has seen its record; a running aggregate gives out sums of sums.
    if (!throws(where) || where == "aggregate" || where == "peek") continue;
    in_many_ways(where, OnError::kDeadLetter, [&](const kit::SimulationResult& result, Collected& out) {
      ASSERT_TRUE(result.ok()) << result.status.to_string();
      const auto ids = out.ids.records();
      EXPECT_EQ(std::accumulate(ids.begin(), ids.end(), std::int64_t{0}), good_total());
      std::vector<std::int64_t> bad;
      for (const DeadLetter& letter : out.letters.records()) {
        EXPECT_EQ(letter.stage, "the stage");
        EXPECT_EQ(letter.reason, "bad order");
        ASSERT_TRUE(letter.bytes.starts_with("{\"id\":")) << letter.bytes;
        bad.push_back(std::stoll(letter.bytes.substr(6)));
      }
      std::sort(bad.begin(), bad.end());
      std::vector<std::int64_t> expected;
      for (std::int64_t i = 3; i < kOrders; i += 10) expected.push_back(i);
      EXPECT_EQ(bad, expected);
    });
  }
}

TEST(Policies, OfASink) {
  for (const OnError policy : {OnError::kFail, OnError::kSkip}) {
    auto ids = memory::sink<std::int64_t>();
    Dataflow flow{"sink"};
    flow.from(memory::split_source(orders())).to(ThrowingSink{ids}).named("the sink").on_error(policy);
    const auto result = kit::Simulator{{.shards = 2, .batch = 7}}.run(flow);
    if (policy == OnError::kFail) {
      EXPECT_EQ(result.status.code(), ErrorCode::kUserFailure);
      EXPECT_NE(result.status.message().find("the sink"), std::string::npos);
    } else {
      EXPECT_TRUE(result.ok()) << result.status.to_string();
      EXPECT_EQ(result.metrics.skipped, kOrders / 10);
      EXPECT_EQ(ids.size(), static_cast<std::size_t>(kOrders - kOrders / 10));
    }
  }
}

TEST(Policies, LettersOfASink) {
  for (const std::uint32_t shards : {1U, 2U}) {
    auto ids = memory::sink<std::int64_t>();
    auto letters = memory::sink<DeadLetter>();
    Dataflow flow{"letters of a sink"};
    auto sink = flow.from(memory::split_source(orders())).to(ThrowingSink{ids});
    sink.named("the sink").on_error(OnError::kDeadLetter).side_output(dead_letters).to(letters);
    const auto result = kit::Simulator{{.shards = shards, .batch = 7}}.run(flow);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(kOrders - kOrders / 10));
    EXPECT_EQ(letters.size(), static_cast<std::size_t>(kOrders / 10));
    for (const DeadLetter& letter : letters.records()) EXPECT_EQ(letter.stage, "the sink");
  }
}

TEST(Policies, NothingComesBehindTheRecordThatFailed) {
  for (const std::size_t batch : {1U, 2U, 7U}) {
    auto ids = memory::sink<std::int64_t>();
    Dataflow flow{"fails"};
    // A watermark behind each record: batches have marks inside.
    flow.from(memory::source(orders().front()))
        .event_time(&Order::at, monotonic())
        .flat_map<std::int64_t>([](const Order& o, Collector<std::int64_t>& out) {
          if (o.id == 4) throw std::runtime_error{"bad order"};
          out.emit(o.id);
        })
        .to(ids);
    EXPECT_FALSE((kit::Simulator{{.shards = 1, .batch = static_cast<std::uint32_t>(batch)}}.run(flow).ok()));
    for (const std::int64_t id : ids.records()) EXPECT_LT(id, 4);
  }
}

}  // namespace
}  // namespace millstream
