// The samples of a run: one record in kSampledEvery carries the times at which user functions saw it, and the places
// behind them note it. Records that are no sample cost a branch.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "latency/record.hpp"

namespace latency {

/// A list that each copy of the handle has of its own, for the one shard that uses it; all are read behind the run.
template <class T>
class PerShard {
 public:
  PerShard() : lists_{std::make_shared<Lists>()} {}
  PerShard(const PerShard& other) : lists_{other.lists_} {}
  PerShard& operator=(const PerShard&) = delete;

  void add(T value) {
    if (mine_ == nullptr) {
      const std::scoped_lock lock{lists_->mutex};
      mine_ = &lists_->all.emplace_back();
      mine_->reserve(1 << 16);
    }
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
    std::mutex mutex;
    std::deque<std::vector<T>> all;
  };
  std::shared_ptr<Lists> lists_;
  std::vector<T>* mine_ = nullptr;
};

/// A sample as it passed a place.
struct Passed {
  Record record;
  std::int64_t at_ns = 0;
};

inline std::int64_t now_ns() { return millstream::system_clock().monotonic_ns(); }

/// For peek, behind the operator.
struct NoteSample {
  PerShard<Passed> passed;
  void operator()(const Record& record) {
    if (record.made_ns != 0) [[unlikely]]
      passed.add({record, now_ns()});
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
