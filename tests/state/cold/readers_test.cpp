// Reader threads and their mailboxes: answers are right and come to whom asked, queues are bounded, closing answers
// all.
#include "state/cold/cold_readers.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "runtime/seeds.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using Ticket = ColdMailbox::Ticket;

// A store that answers a key with itself, when it is let.
class EchoStore final : public ColdStore {
 public:
  Status room() override { return {}; }
  Status ingest(const ColdRound&) override { return {}; }
  Result<std::vector<ColdImageFile>> link(const std::string&) override { return std::vector<ColdImageFile>{}; }
  Status get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) override {
    ++reading_;
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return open_; });
    answer.clear();
    if (column == 1) throw std::bad_alloc{};
    for (std::size_t i = 0; i < keys.size(); ++i) answer.add({}, keys[i]);
    return {};
  }
  Status scan(std::uint32_t, std::string_view first, std::string_view end, ColdPiece, ColdAnswer& answer) override {
    answer.clear();
    answer.add(first, end);
    return {};
  }
  ColdStatistics statistics() override { return {}; }

  void set_open(bool open) {
    const std::scoped_lock lock{mutex_};
    open_ = open;
    changed_.notify_all();
  }
  [[nodiscard]] int reading() const { return reading_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::atomic<int> reading_{0};
};

std::unique_ptr<ColdQuery> question(std::string_view key, std::uint32_t column = 0) {
  auto query = std::make_unique<ColdQuery>();
  query->column = column;
  query->keys.add(key);
  return query;
}

// A shard's thread as far as it matters here: sleeps until it is woken, and loses no wake-up.
class Sleeper {
 public:
  Waker waker() {
    return Waker{[this] {
      woken_.fetch_add(1, std::memory_order_release);
      woken_.notify_one();
    }};
  }
  template <class Done>
  void until(Done done) {
    while (true) {
      const std::uint32_t seen = woken_.load(std::memory_order_acquire);
      if (done()) return;
      woken_.wait(seen, std::memory_order_acquire);
    }
  }

 private:
  std::atomic<std::uint32_t> woken_{0};
};

// Shards that ask at once as much as they may, and check that each gets what it asked for.
TEST(ColdReaders, EveryShardGetsItsOwnAnswers) {
  constexpr int kShards = 3;
  constexpr int kQuestions = 20'000;
  EchoStore store;
  std::vector<Sleeper> sleepers(kShards);
  std::vector<Waker> wakers;
  for (Sleeper& sleeper : sleepers) wakers.push_back(sleeper.waker());
  ColdReaders readers{store, 2, wakers};
  std::vector<std::thread> shards;
  std::atomic<int> wrong{0};
  for (int shard = 0; shard < kShards; ++shard) {
    shards.emplace_back([&, shard] {
      ColdMailbox& mailbox = readers.mailbox(static_cast<std::size_t>(shard));
      Random random{static_cast<std::uint64_t>(shard)};
      std::vector<std::pair<Ticket, std::string>> pending;
      std::vector<std::unique_ptr<ColdQuery>> idle;
      int asked = 0;
      int answered = 0;
      while (answered < kQuestions) {
        while (asked < kQuestions && random.chance(0.9)) {
          const std::string key = std::to_string(shard) + "/" + std::to_string(asked);
          std::unique_ptr<ColdQuery> query = idle.empty() ? std::make_unique<ColdQuery>() : std::move(idle.back());
          if (!idle.empty()) idle.pop_back();
          query->keys.clear();
          query->keys.add(key);
          const std::optional<Ticket> ticket = mailbox.ask(query);
          if (!ticket) break;
          pending.emplace_back(*ticket, key);
          ++asked;
        }
        if (pending.empty()) continue;
        sleepers[static_cast<std::size_t>(shard)].until([&] { return mailbox.has_answers(); });
        std::erase_if(pending, [&](const auto& waiting) {
          std::unique_ptr<ColdQuery> query = mailbox.take(waiting.first);
          if (query == nullptr) return false;
          if (!query->status.ok() || query->answer.size() != 1 || query->answer.value(0) != waiting.second) ++wrong;
          idle.push_back(std::move(query));
          ++answered;
          return true;
        });
      }
      if (mailbox.pending() != 0 || mailbox.has_answers()) ++wrong;
    });
  }
  for (std::thread& shard : shards) shard.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ColdReaders, AFullMailboxLeavesTheQuestionToItsOwner) {
  EchoStore store;
  ColdReaders readers{store, 0, {Waker{}}};
  ColdMailbox& mailbox = readers.mailbox(0);
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < kColdQueriesMax; ++i) {
    std::unique_ptr<ColdQuery> query = question(std::to_string(i));
    tickets.push_back(mailbox.ask(query).value());
    EXPECT_EQ(query, nullptr);
  }
  std::unique_ptr<ColdQuery> more = question("more");
  EXPECT_EQ(mailbox.ask(more), std::nullopt);
  ASSERT_NE(more, nullptr);
  EXPECT_EQ(mailbox.pending(), kColdQueriesMax);
  Random random{1};
  int steps = 0;
  while (readers.step(random)) ++steps;
  EXPECT_EQ(steps, static_cast<int>(kColdQueriesMax));
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const std::unique_ptr<ColdQuery> answered = mailbox.take(tickets[i]);
    ASSERT_NE(answered, nullptr);
    EXPECT_EQ(answered->answer.value(0), std::to_string(i));
  }
  EXPECT_TRUE(mailbox.ask(more).has_value());
}

TEST(ColdReaders, StepsAreDeterminedByTheSeed) {
  const auto order_of = [](std::uint64_t seed) {
    EchoStore store;
    std::vector<std::size_t> order;
    std::vector<Waker> wakers;
    for (std::size_t i = 0; i < 3; ++i) wakers.emplace_back([&order, i] { order.push_back(i); });
    ColdReaders readers{store, 0, wakers};
    for (std::size_t shard = 0; shard < 3; ++shard) {
      for (int i = 0; i < 5; ++i) {
        std::unique_ptr<ColdQuery> query = question("k");
        EXPECT_TRUE(readers.mailbox(shard).ask(query).has_value());
      }
    }
    Random random{seed};
    while (readers.step(random)) {
    }
    return order;
  };
  EXPECT_EQ(order_of(1), order_of(1));
  EXPECT_NE(order_of(1), order_of(2));
  EXPECT_EQ(order_of(3).size(), 15U);
}

TEST(ColdReaders, RangesAreReadAndExceptionsBecomeStatuses) {
  EchoStore store;
  Sleeper sleeper;
  ColdReaders readers{store, 1, {sleeper.waker()}};
  ColdMailbox& mailbox = readers.mailbox(0);
  std::unique_ptr<ColdQuery> range = std::make_unique<ColdQuery>();
  range->kind = ColdQuery::Kind::kScan;
  range->first = "a";
  range->end = "b";
  const Ticket first = mailbox.ask(range).value();
  std::unique_ptr<ColdQuery> bad = question("k", 1);
  const Ticket second = mailbox.ask(bad).value();
  sleeper.until([&] { return range != nullptr || (range = mailbox.take(first)) != nullptr; });
  sleeper.until([&] { return (bad = mailbox.take(second)) != nullptr; });
  EXPECT_EQ(range->answer.key(0), "a");
  EXPECT_EQ(range->answer.value(0), "b");
  EXPECT_EQ(bad->status.code(), ErrorCode::kInternal);
}

TEST(ColdReaders, ClosingAnswersWhatNobodyHasRead) {
  EchoStore store;
  store.set_open(false);
  ColdReaders readers{store, 1, {Waker{}}};
  ColdMailbox& mailbox = readers.mailbox(0);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 10; ++i) {
    std::unique_ptr<ColdQuery> query = question(std::to_string(i));
    tickets.push_back(mailbox.ask(query).value());
  }
  while (store.reading() == 0) std::this_thread::yield();
  std::thread opener{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    store.set_open(true);
  }};
  readers.close();
  opener.join();
  int read = 0;
  for (const Ticket ticket : tickets) {
    const std::unique_ptr<ColdQuery> query = mailbox.take(ticket);
    ASSERT_NE(query, nullptr);
    if (query->status.ok()) ++read;
    EXPECT_TRUE(query->status.ok() || query->status.code() == ErrorCode::kCancelled);
  }
  EXPECT_GE(read, 1);
  EXPECT_LT(read, 10) << "closing reads nothing more";
  std::unique_ptr<ColdQuery> late = question("late");
  const Ticket ticket = mailbox.ask(late).value();
  EXPECT_EQ(mailbox.take(ticket)->status.code(), ErrorCode::kCancelled);
}

// Threads that read while another writes see each column before or behind a round, never between: each round writes one
// number under all keys.
template <class World>
class ColdReadersWorld : public ::testing::Test {};
TYPED_TEST_SUITE(ColdReadersWorld, ColdWorlds);

TYPED_TEST(ColdReadersWorld, ReadsBesideAWriterSeeWholeRounds) {
  TypeParam world;
  StoreResult opened = world.open({.folder = world.path("cold"), .columns = {"a"}});
  ASSERT_TRUE(opened) << opened.error().to_string();
  ColdStore& store = **opened;
  Sleeper sleeper;
  ColdReaders readers{store, 2, {sleeper.waker()}};
  std::atomic<bool> over{false};
  std::thread writer{[&] {
    for (int round = 0; round < 40; ++round) {
      ColdChanges changes;
      for (int i = 0; i < 100; ++i) changes.put(0, std::to_string(i), std::to_string(round));
      EXPECT_TRUE(wait_for_room(world, store).ok());
      EXPECT_TRUE(store.ingest(round_of(std::move(changes))).ok());
    }
    over.store(true);
  }};
  ColdMailbox& mailbox = readers.mailbox(0);
  int last = -1;
  auto query = std::make_unique<ColdQuery>();
  query->kind = ColdQuery::Kind::kScan;
  query->end = "\xff";
  while (!over.load()) {
    const Ticket ticket = mailbox.ask(query).value();
    sleeper.until([&] { return (query = mailbox.take(ticket)) != nullptr; });
    ASSERT_TRUE(query->status.ok()) << query->status.to_string();
    const ColdAnswer& answer = query->answer;
    if (answer.size() == 0) continue;
    ASSERT_EQ(answer.size(), 100U);
    for (std::size_t i = 1; i < answer.size(); ++i) ASSERT_EQ(answer.value(i), answer.value(0));
    const int now = std::stoi(std::string{*answer.value(0)});
    ASSERT_GE(now, last);
    last = now;
  }
  writer.join();
}

}  // namespace
}  // namespace millstream::test
