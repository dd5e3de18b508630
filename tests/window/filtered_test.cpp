// count_distinct and filtered beside plain programs: over random records, in one pass and merged through their codecs.
#include "millstream/window/filtered.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "millstream/codec/encode.hpp"
#include "millstream/window/aggregates.hpp"

namespace millstream::test {
namespace {

struct Place {
  std::int32_t row = 0;
  std::string seat = {};
  friend auto operator<=>(const Place&, const Place&) = default;
};
BOOST_DESCRIBE_STRUCT(Place, (), (row, seat))

struct Ticket {
  std::int64_t show = 0;
  std::string holder = {};
  Place place = {};
  std::int64_t cents = 0;
  double weight = 0;
  bool is_paid = false;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};
BOOST_DESCRIBE_STRUCT(Ticket, (), (show, holder, place, cents, weight, is_paid))

std::vector<Ticket> tickets(std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::vector<Ticket> all(static_cast<std::size_t>(below(300)));
  const std::uint64_t values = 1 + random() % 50;
  for (Ticket& ticket : all) {
    ticket = {below(values) - 5,
              "holder " + std::to_string(below(values)),
              {static_cast<std::int32_t>(below(4)), std::string(static_cast<std::size_t>(below(30)), 'x')},
              below(1000) - 500,
              static_cast<double>(below(values)),
              below(3) == 0};
  }
  return all;
}

/// The result in one pass; any split into merged parts, which were bytes in between, must have the same.
template <class Agg>
auto result_of(const Agg& unbound, const std::vector<Ticket>& records) {
  const auto agg = bind_aggregate<Ticket>(unbound);
  using Bound = std::remove_const_t<decltype(agg)>;
  static_assert(check_aggregate<Bound, Ticket, true>());
  using Acc = AccumulatorOf<Bound>;
  const auto part = [&](std::size_t from, std::size_t to) {
    Acc acc = agg.create();
    for (std::size_t i = from; i < to; ++i) {
      add_record(agg, acc, records[i], Timestamp{Duration{static_cast<std::int64_t>(i)}});
    }
    std::string bytes;
    {
      ByteWriter out{bytes};
      Codec<Acc>::encode(acc, out);
    }
    Acc again = agg.create();
    ByteReader in{bytes};
    EXPECT_TRUE(Codec<Acc>::decode(in, again));
    EXPECT_EQ(in.remaining(), 0U);
    return again;
  };
  const auto whole = agg.result(part(0, records.size()));
  for (const std::size_t parts : {2U, 3U, 7U}) {
    Acc merged = agg.create();
    for (std::size_t i = 0; i < parts; ++i) {
      agg.merge(merged, part(records.size() * i / parts, records.size() * (i + 1) / parts));
    }
    EXPECT_EQ(agg.result(merged), whole) << parts << " parts";
  }
  return whole;
}

template <class Field>
std::int64_t distinct(const std::vector<Ticket>& records, Field field) {
  std::set<std::remove_cvref_t<std::invoke_result_t<Field, const Ticket&>>> values;
  for (const Ticket& ticket : records) values.insert(std::invoke(field, ticket));
  return static_cast<std::int64_t>(values.size());
}

TEST(CountDistinct, IsTheSizeOfTheSet) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<Ticket> all = tickets(seed);
    EXPECT_EQ(result_of(count_distinct(&Ticket::show), all), distinct(all, &Ticket::show)) << seed;
    EXPECT_EQ(result_of(count_distinct(&Ticket::holder), all), distinct(all, &Ticket::holder)) << seed;
    EXPECT_EQ(result_of(count_distinct(&Ticket::place), all), distinct(all, &Ticket::place)) << seed;
    EXPECT_EQ(result_of(count_distinct(&Ticket::weight), all), distinct(all, &Ticket::weight)) << seed;
    EXPECT_EQ(result_of(count_distinct(&Ticket::is_paid), all), distinct(all, &Ticket::is_paid)) << seed;
    const auto pair = [](const Ticket& t) { return std::pair{t.show, t.holder}; };
    EXPECT_EQ(result_of(count_distinct(pair), all), distinct(all, pair)) << seed;
  }
}

TEST(CountDistinct, TakesFloatingPointNumbersByTheirBits) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Ticket> all(6);
  const double weights[] = {nan, nan, 0.0, -0.0, 0.0, 1.5};
  for (std::size_t i = 0; i < all.size(); ++i) all[i].weight = weights[i];
  EXPECT_EQ(result_of(count_distinct(&Ticket::weight), all), 4);
  EXPECT_EQ(result_of(count_distinct([](const Ticket& t) { return static_cast<float>(t.weight); }), all), 4);
}

TEST(CountDistinct, KeepsValuesInTheOrderOfArrivalAndSaysWhatTheyTake) {
  DistinctSet<std::string> set;
  std::vector<std::string> expected;
  std::mt19937_64 random{1};
  std::size_t owned = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string value(40, 'a');
    value += std::to_string(random() % 3000);
    if (std::find(expected.begin(), expected.end(), value) == expected.end()) {
      expected.push_back(value);
      owned += value.size();
    }
    set.insert(value);
    if (i % 1000 == 0) {
      EXPECT_TRUE(std::equal(set.begin(), set.end(), expected.begin(), expected.end()));
    }
  }
  EXPECT_TRUE(std::equal(set.begin(), set.end(), expected.begin(), expected.end()));
  EXPECT_GE(heap_bytes(set), owned + set.size() * sizeof(std::string));
  EXPECT_LE(heap_bytes(set), 3 * owned + 3 * set.size() * sizeof(std::string));
  set.clear();
  EXPECT_EQ(set.size(), 0U);
  EXPECT_EQ(heap_bytes(set), 0U);
}

TEST(CountDistinct, RefusesBytesInWhichAValueComesTwice) {
  std::string bytes;
  {
    ByteWriter out{bytes};
    Codec<std::vector<std::int64_t>>::encode({1, 2, 1}, out);
  }
  DistinctSet<std::int64_t> set;
  ByteReader in{bytes};
  EXPECT_FALSE(Codec<DistinctSet<std::int64_t>>::decode(in, set));
}

TEST(Filtered, IsTheAggregateOfTheRecordsThatAreLeft) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<Ticket> all = tickets(seed);
    const std::int64_t least = static_cast<std::int64_t>(seed * 25) - 600;  // none is left at the end
    const auto is_left = [least](const Ticket& ticket) { return ticket.cents >= least; };
    std::vector<Ticket> left;
    std::copy_if(all.begin(), all.end(), std::back_inserter(left), is_left);

    const auto same = [&](const auto& agg) {
      EXPECT_EQ(result_of(filtered(is_left, agg), all), result_of(agg, left)) << seed;
    };
    same(count());
    same(sum(&Ticket::cents));
    same(count_distinct(&Ticket::holder));
    same(approx_distinct(&Ticket::holder));
    same(collect(&Ticket::show));
    same(top_n(3, &Ticket::cents));
    same(all_of(count(), sum(&Ticket::cents)));
    same(filtered(&Ticket::is_paid, count()));

    const auto same_or_none = [&](const auto& agg) {
      const auto found = result_of(filtered(is_left, agg), all);
      ASSERT_EQ(found.has_value(), !left.empty()) << seed;
      if (found) {
        EXPECT_EQ(*found, result_of(agg, left)) << seed;
      }
    };
    same_or_none(millstream::min(&Ticket::cents));
    same_or_none(millstream::max(&Ticket::holder));
    same_or_none(mean(&Ticket::cents));
    same_or_none(quantile(&Ticket::weight, 0.5));
    same_or_none(all_of(count(), millstream::min(&Ticket::cents)));
  }
}

TEST(Filtered, TakesAMemberThatIsABool) {
  const std::vector<Ticket> all = tickets(3);
  const auto paid = std::count_if(all.begin(), all.end(), [](const Ticket& ticket) { return ticket.is_paid; });
  EXPECT_EQ(result_of(filtered(&Ticket::is_paid, count()), all), paid);
}

TEST(Filtered, GivesTheEventTimeOn) {
  std::vector<Ticket> all = tickets(4);
  all.resize(20);
  all[7].show = 7000;
  all[13].show = 7001;
  const auto is_marked = [](const Ticket& ticket) { return ticket.show >= 7000; };
  EXPECT_EQ(result_of(filtered(is_marked, first(&Ticket::show)), all), 7000);
  EXPECT_EQ(result_of(filtered(is_marked, last(&Ticket::show)), all), 7001);
}

struct OwnMean {  // no merge: fine for windows that do not merge
  struct Acc {
    double sum = 0;
    std::int64_t count = 0;
    BOOST_DESCRIBE_CLASS(Acc, (), (sum, count), (), ())
  };
  Acc create() const { return {}; }
  void add(Acc& acc, const Ticket& ticket) const { acc.sum += ticket.weight, ++acc.count; }
  double result(const Acc& acc) const { return acc.sum / static_cast<double>(acc.count); }
};
struct OwnTotal : OwnMean {
  static constexpr bool kResultOfNothing = true;
  double result(const Acc& acc) const { return acc.sum; }
};

template <class Agg>
using FilteredOf = BoundAggregate<decltype(filtered(&Ticket::is_paid, std::declval<Agg>())), Ticket>;
static_assert(check_aggregate<FilteredOf<OwnMean>, Ticket>());
static_assert(!MergingAggregate<FilteredOf<OwnMean>>);
static_assert(!MergingAggregate<FilteredOf<OwnTotal>>);
static_assert(std::is_same_v<ResultOf<FilteredOf<OwnMean>>, std::optional<double>>);
static_assert(std::is_same_v<ResultOf<FilteredOf<OwnTotal>>, double>);
static_assert(std::is_same_v<ResultOf<FilteredOf<detail::CountAggregate>>, std::int64_t>);

TEST(Filtered, TakesAggregatesOfOnesOwn) {
  const FilteredOf<OwnMean> mean_of_paid = bind_aggregate<Ticket>(filtered(&Ticket::is_paid, OwnMean{}));
  const FilteredOf<OwnTotal> total_of_paid = bind_aggregate<Ticket>(filtered(&Ticket::is_paid, OwnTotal{}));
  auto mean_acc = mean_of_paid.create();
  auto total_acc = total_of_paid.create();
  EXPECT_EQ(mean_of_paid.result(mean_acc), std::nullopt);
  EXPECT_EQ(total_of_paid.result(total_acc), 0);
  for (const bool is_paid : {false, true, true}) {
    const Ticket ticket{.weight = 3, .is_paid = is_paid};
    mean_of_paid.add(mean_acc, ticket, {});
    total_of_paid.add(total_acc, ticket, {});
  }
  EXPECT_EQ(mean_of_paid.result(mean_acc), 3.0);
  EXPECT_EQ(total_of_paid.result(total_acc), 6.0);
}

}  // namespace
}  // namespace millstream::test
