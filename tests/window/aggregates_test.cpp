// The aggregates in the box: results, merging, codecs of their accumulators.
#include "millstream/window/aggregates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "millstream/codec/encode.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;

struct Sale {
  std::string shop;
  std::int64_t cents = 0;
  std::uint32_t items = 0;
  double weight = 0;
  std::chrono::seconds took{};
  friend bool operator==(const Sale&, const Sale&) = default;
};
BOOST_DESCRIBE_STRUCT(Sale, (), (shop, cents, items, weight, took))

Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }

struct Timed {
  Sale sale;
  Timestamp time;
};

std::vector<Timed> sales(std::size_t count, std::uint64_t seed = 1) {
  std::mt19937_64 random{seed};
  std::vector<Timed> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto r = static_cast<std::int64_t>(random() % 1000);
    all.push_back({{"shop" + std::to_string(r % 37), r - 500, static_cast<std::uint32_t>(i), static_cast<double>(r) / 8,
                    std::chrono::seconds{r % 7}},
                   at(static_cast<std::int64_t>(random() % 50))});
  }
  return all;
}

/// The result in one pass; checks that any split into two merged parts, one of them through its codec, has the same.
template <class Agg>
auto result_of(const Agg& unbound, const std::vector<Timed>& records) {
  const auto agg = bind_aggregate<Sale>(unbound);
  using Bound = std::remove_const_t<decltype(agg)>;
  static_assert(check_aggregate<Bound, Sale, true>());
  using Acc = AccumulatorOf<Bound>;
  const auto add_all = [&](std::size_t from, std::size_t to) {
    Acc acc = agg.create();
    for (std::size_t i = from; i < to; ++i) add_record(agg, acc, records[i].sale, records[i].time);
    return acc;
  };
  const auto whole = agg.result(add_all(0, records.size()));
  for (const std::size_t cut : {std::size_t{0}, records.size() / 3, records.size()}) {
    Acc first = add_all(0, cut);
    std::string bytes;
    {
      ByteWriter out{bytes};
      Codec<Acc>::encode(add_all(cut, records.size()), out);
    }
    Acc second = agg.create();
    ByteReader in{bytes};
    EXPECT_TRUE(Codec<Acc>::decode(in, second));
    EXPECT_EQ(in.remaining(), 0U);
    agg.merge(first, second);
    EXPECT_EQ(agg.result(first), whole) << "cut at " << cut;
  }
  return whole;
}

TEST(Aggregates, Numbers) {
  const auto all = sales(200);
  std::int64_t cents = 0;
  std::uint64_t items = 0;
  double weight = 0;
  for (const Timed& t : all) {
    cents += t.sale.cents;
    items += t.sale.items;
    weight += t.sale.weight;
  }
  EXPECT_EQ(result_of(count(), all), 200);
  EXPECT_EQ(result_of(sum(&Sale::cents), all), cents);
  const std::uint64_t item_sum = result_of(sum(&Sale::items), all);
  EXPECT_EQ(item_sum, items);
  EXPECT_EQ(result_of(sum(&Sale::weight), all), weight);
  EXPECT_EQ(result_of(mean(&Sale::cents), all), static_cast<double>(cents) / 200);
  const auto took = result_of(sum(&Sale::took), all);
  static_assert(std::is_same_v<decltype(took), const std::chrono::duration<std::int64_t>>);
  const auto by_cents = [](const Timed& a, const Timed& b) { return a.sale.cents < b.sale.cents; };
  EXPECT_EQ(result_of(millstream::min(&Sale::cents), all),
            std::min_element(all.begin(), all.end(), by_cents)->sale.cents);
  EXPECT_EQ(result_of(millstream::max(&Sale::cents), all),
            std::max_element(all.begin(), all.end(), by_cents)->sale.cents);
  EXPECT_EQ(result_of(millstream::max([](const Sale& s) { return s.shop; }), all), "shop9");
}

TEST(Aggregates, SumsOfIntegersWrapAround) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(result_of(sum(&Sale::cents), {{{"", max}, {}}, {{"", 1}, {}}}), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(result_of(sum(&Sale::cents), {{{"", max}, {}}, {{"", 1}, {}}, {{"", -1}, {}}}), max);
}

TEST(Aggregates, MinAndMaxIgnoreNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto agg = bind_aggregate<Sale>(millstream::min(&Sale::weight));
  for (const std::vector<double>& weights : {std::vector{nan, 2.0, 1.0}, std::vector{2.0, nan, 1.0}, {1.0, nan}}) {
    auto acc = agg.create();
    for (const double w : weights) agg.add(acc, Sale{"", 0, 0, w});
    EXPECT_EQ(agg.result(acc), 1.0);
  }
  auto acc = agg.create();
  agg.add(acc, Sale{"", 0, 0, nan});
  EXPECT_TRUE(std::isnan(agg.result(acc)));
}

TEST(Aggregates, TopNKeepsTheFirstOfEquals) {
  const auto all = sales(300);
  std::vector<Sale> sorted;
  for (const Timed& t : all) sorted.push_back(t.sale);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Sale& a, const Sale& b) { return a.took > b.took; });
  for (const std::size_t n : {1U, 3U, 50U, 300U, 400U}) {
    const std::vector<Sale> expected(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(std::min(n, 300UL)));
    EXPECT_EQ(result_of(top_n(n, &Sale::took), all), expected);
    EXPECT_EQ(result_of(top_n(n, [](const Sale& a, const Sale& b) { return a.took < b.took; }), all), expected);
  }
}

TEST(Aggregates, FirstAndLastGoByEventTimeThenByArrival) {
  const std::vector<Timed> all = {{{"a", 1}, at(5)}, {{"b", 2}, at(3)}, {{"c", 3}, at(3)},
                                  {{"d", 4}, at(9)}, {{"e", 5}, at(9)}, {{"f", 6}, at(4)}};
  EXPECT_EQ(result_of(first(), all).shop, "b");
  EXPECT_EQ(result_of(first(&Sale::cents), all), 2);
  EXPECT_EQ(result_of(last(), all).shop, "e");
  EXPECT_EQ(result_of(last(&Sale::shop), all), "e");
}

TEST(Aggregates, Collect) {
  const std::vector<Timed> all = {{{"a", 1}, at(5)}, {{"b", 2}, at(3)}};
  EXPECT_EQ(result_of(collect(&Sale::cents), all), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(result_of(collect(), all), (std::vector<Sale>{{"a", 1}, {"b", 2}}));
}

TEST(Aggregates, Sketches) {
  const auto all = sales(3000);
  EXPECT_EQ(result_of(approx_distinct(&Sale::shop), all), 37U);
  std::vector<double> sorted;
  for (const Timed& t : all) sorted.push_back(t.sale.weight);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_NEAR(result_of(quantile(&Sale::weight, 0.5), all), sorted[1499], sorted[1499] * 0.006);
  const std::vector<double> two = result_of(quantiles(&Sale::weight, {0.9, 0.1}), all);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_NEAR(two[0], sorted[2699], sorted[2699] * 0.006);
  EXPECT_NEAR(two[1], sorted[299], sorted[299] * 0.006);
}

TEST(Aggregates, SeveralInOnePass) {
  const auto all = sales(100);
  const auto [n, total, newest] = result_of(all_of(count(), sum(&Sale::cents), last(&Sale::items)), all);
  EXPECT_EQ(n, 100);
  EXPECT_EQ(total, result_of(sum(&Sale::cents), all));
  EXPECT_EQ(newest, result_of(last(&Sale::items), all));
}

struct OwnMean {  // no merge: fine for windows that do not merge
  struct Acc {
    double sum = 0;
    std::int64_t count = 0;
    BOOST_DESCRIBE_CLASS(Acc, (), (sum, count), (), ())
  };
  static Acc create() { return {}; }
  static void add(Acc& acc, const Sale& s) { acc.sum += s.weight, ++acc.count; }
  static double result(const Acc& acc) { return acc.sum / static_cast<double>(acc.count); }
};
static_assert(check_aggregate<OwnMean, Sale>());
static_assert(!MergingAggregate<OwnMean>);
static_assert(!MergingAggregate<BoundAggregate<decltype(all_of(count(), OwnMean{})), Sale>>);
static_assert(MergingAggregate<BoundAggregate<decltype(all_of(count(), first())), Sale>>);

TEST(Aggregates, ResultsAreWrittenAsJson) {
  std::string json;
  encode_json(WindowResult<std::string, std::int64_t>{"a", 7, at(0), at(1'000'000), 2, PaneTiming::on_time}, json);
  EXPECT_EQ(json, R"({"key":"a","value":7,"window_start":"1970-01-01T00:00:00Z","window_end":"1970-01-01T00:00:01Z",)"
                  R"("pane":2,"timing":"on_time"})");
}

}  // namespace
}  // namespace millstream::test
