// The samples of a run: one record in kSampledEvery carries the times at which user functions saw it, and the places
// behind them note it. Records that are no sample cost a branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "latency/record.hpp"

namespace latency {

/// A list that each copy of the handle has of its own, for the one shard that uses it; all are read behind the run.
/// Their memory is there, and was touched, before the run: a page that is touched for the first time would be measured.
template <class T>
class PerShard {
 public:
  PerShard(std::size_t lists, std::size_t capacity) : lists_{std::make_shared<Lists>()} {
    for (std::size_t i = 0; i < lists; ++i) {
      lists_->all.emplace_back(capacity);
      lists_->all.back().clear();
    }
  }
  PerShard(const PerShard& other) : lists_{other.lists_} {}
  PerShard& operator=(const PerShard&) = delete;

  void add(T value) {
    if (mine_ == nullptr) mine_ = &lists_->all.at(lists_->used.fetch_add(1));
    mine_->push_back(std::move(value));
  }
  template <class F>
  void each(F&& use) const {
    for (const std::vector<T>& list : lists_->all) {
      for (const T& value : list) use(value);
    }
  }

 private:
  struct Lists {
    std::deque<std::vector<T>> all;
    std::atomic<std::size_t> used{0};
  };
  std::shared_ptr<Lists> lists_;
  std::vector<T>* mine_ = nullptr;
};

/// A sample as it passed a place.
struct Passed {
  std::int64_t due_ns = 0;  // names the record
  std::int64_t made_ns = 0;
  std::int64_t received_ns = 0;
  std::int64_t at_ns = 0;
};

inline std::int64_t now_ns() { return millstream::system_clock().monotonic_ns(); }

/// For peek, behind the operator.
struct NoteSample {
  PerShard<Passed> passed;
  void operator()(const Record& record) {
    if (record.made_ns != 0) [[unlikely]]
      passed.add({record.due_ns, record.made_ns, record.received_ns, now_ns()});
  }
};

/// What the operator's function does first.
inline void receive(Record& record) {
  if (record.made_ns != 0) [[unlikely]]
    record.received_ns = now_ns();
}

/// Samples that passed the operator and the sink.
[[nodiscard]] std::vector<Sample> join_samples(const PerShard<Passed>& behind_operator,
                                               const PerShard<Passed>& at_sink);

}  // namespace latency
