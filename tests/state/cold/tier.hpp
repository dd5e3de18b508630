// A shard's way to the cold store that a test steps.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

#include "millstream/core/key_group.hpp"
#include "millstream/state/cold_tier.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::test {

/// Takes pieces when it is told to.
class Tier : public ColdTier {
 public:
  Tier(ColdStore& store, std::size_t table_bytes) : store_{store}, table_bytes_{table_bytes} {}
  Groups groups() const override { return {0, kKeyGroups}; }
  std::uint32_t column_of(std::string_view) const override { return 0; }
  std::size_t table_bytes() const override { return table_bytes_; }
  ColdMailbox& mailbox() override { return readers.mailbox(0); }
  std::uint64_t give(ColdChanges piece) override {
    waiting_.push_back(std::move(piece));
    return ++given_;
  }
  std::uint64_t taken() const override { return taken_; }
  Status give_now(ColdChanges piece) override {
    ColdRound round;
    round.add(std::move(piece));
    return store_.ingest(round);
  }
  void ask_for_checkpoint() override { asked = true; }
  bool take_one() {
    if (waiting_.empty()) return false;
    EXPECT_TRUE(give_now(std::move(waiting_.front())).ok());
    waiting_.pop_front();
    ++taken_;
    return true;
  }

  bool asked = false;

 private:
  ColdStore& store_;
  std::size_t table_bytes_;
  std::deque<ColdChanges> waiting_;
  std::uint64_t given_ = 0;
  std::uint64_t taken_ = 0;

 public:
  ColdReaders readers{store_, 0, {Waker{}}};
};

}  // namespace millstream::test
