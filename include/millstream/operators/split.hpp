// split: each record goes to the first named branch whose predicate holds, or to the main output.
//   auto parts = orders.split({{"large", is_large}, {"foreign", is_foreign}});
//   parts.branch("large").to(...);  parts.rest().to(...);
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

/// A named output of split and what belongs there.
template <class T>
struct Branch {
  std::string name;
  std::function<bool(const T&)> predicate;
};

template <class T>
class SplitStage final : public TransformStage<T> {
 public:
  explicit SplitStage(std::vector<Branch<T>> branches) : branches_{std::move(branches)} {}

  void open() override {
    for (const Branch<T>& branch : branches_) outputs_.push_back(this->sides_.find(OutputTag<T>{branch.name}));
    open_.resize(branches_.size());
  }

 private:
  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    places_.clear();
    std::uint32_t kept = 0;
    std::uint32_t next_mark = 0;
    places_.resize(batch->size());
    Watermarks at = batch->start;
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) {
          while (next_mark < batch->marks.size() && batch->marks[next_mark].position <= i) {
            at = batch->marks[next_mark++].at;
          }
          T& value = batch->values()[i];
          for (std::size_t b = 0; b < branches_.size(); ++b) {
            if (!branches_[b].predicate(std::as_const(value))) continue;
            if (outputs_[b] != nullptr) append(b, *batch, i, at);
            return;
          }
          places_[kept++] = i;
        },
        [&](std::uint32_t i) { return detail::record_text(batch->values()[i]); }, [](std::uint32_t) {});
    for (std::size_t b = 0; b < open_.size(); ++b) {
      if (open_[b]) outputs_[b]->emit(std::move(open_[b]));
    }
    batch->keep_columns(places_.data(), kept);
    detail::keep_values(*batch, places_.data(), kept);
    this->emit(std::move(batch));
  }
  void append(std::size_t branch, Batch<T>& from, std::uint32_t i, const Watermarks& at) {
    if (!open_[branch]) {
      open_[branch] = outputs_[branch]->make();
      open_[branch]->start = at;
      open_[branch]->ingested_ns = from.ingested_ns;
      open_[branch]->split = from.split;
    }
    Batch<T>& to = *open_[branch];
    to.mark(at);
    to.copy_columns(from, i, to.size());
    to.emplace_back(std::move(from.values()[i]));
  }

  std::vector<Branch<T>> branches_;
  std::vector<Output<T>*> outputs_;
  std::vector<BatchOf<T>> open_;
  std::vector<std::uint32_t> places_;
};

}  // namespace millstream::inline v0
