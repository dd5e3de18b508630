// Memory, columns and marks of batches.
#include "millstream/channel/batch.hpp"

namespace millstream::inline v0 {

BatchBase::BatchBase(std::uint32_t capacity, std::size_t value_bytes, std::align_val_t alignment)
    : storage_{::operator new(value_bytes* capacity, alignment)}, capacity_{capacity}, alignment_{alignment} {
  MILLSTREAM_ASSERT(capacity > 0 && capacity <= kBatchRecordsMax);
}

BatchBase::~BatchBase() { ::operator delete(storage_, alignment_); }

void BatchBase::add_mark(const Watermarks& at) {
  if (!marks.empty() && marks.back().position == size_) {
    marks.back().at = at;
  } else if (size_ == 0) {
    start = at;
  } else {
    marks.push_back({size_, at});
  }
}

void BatchBase::take_columns(BatchBase& from) noexcept {
  std::swap(times, from.times);
  std::swap(hashes, from.hashes);
  std::swap(origins, from.origins);
  std::swap(kinds, from.kinds);
  std::swap(marks, from.marks);
  start = from.start;
  split = from.split;
  ingested_ns = from.ingested_ns;
  control = from.control;
}

void BatchBase::copy_columns(const BatchBase& from, std::uint32_t i, std::uint32_t to) {
  if (from.times.present()) times.enable()[to] = from.times.data()[i];
  if (from.hashes.present()) hashes.enable()[to] = from.hashes.data()[i];
  if (from.origins.present()) origins.enable()[to] = from.origins.data()[i];
  if (from.kinds.present()) kinds.enable()[to] = from.kinds.data()[i];
}

void BatchBase::keep_columns(const std::uint32_t* kept, std::uint32_t count) {
  const auto keep = [&](auto& column) {
    if (!column.present()) return;
    auto* data = column.data();
    for (std::uint32_t i = 0; i < count; ++i) data[i] = data[kept[i]];
  };
  keep(times);
  keep(hashes);
  keep(origins);
  keep(kinds);
  if (marks.empty()) return;
  // A mark that stood before record p now stands before the first kept record at or behind p.
  std::uint32_t place = 0;
  std::size_t written = 0;
  for (const Mark& mark : marks) {
    while (place < count && kept[place] < mark.position) ++place;
    if (written > 0 && marks[written - 1].position == place) {
      marks[written - 1].at = mark.at;
    } else if (place == 0) {
      start = mark.at;
    } else {
      marks[written++] = {place, mark.at};
    }
  }
  marks.resize(written);
}

void BatchBase::copy_frame(const BatchBase& from) {
  const auto copy_column = [n = from.size()](const auto& source, auto& target) {
    if (source.present()) std::copy(source.data(), source.data() + n, target.enable());
  };
  copy_column(from.times, times);
  copy_column(from.hashes, hashes);
  copy_column(from.origins, origins);
  copy_column(from.kinds, kinds);
  marks.assign(from.marks.begin(), from.marks.end());
  start = from.start;
  split = from.split;
  ingested_ns = from.ingested_ns;
  control = from.control;
}

BatchRest::~BatchRest() {
  while (free_ != nullptr) delete std::exchange(free_, free_->next_free);
}

BatchBase* BatchRest::take_any() {
  if (free_ != nullptr) return std::exchange(free_, std::exchange(free_->next_free, nullptr));
  BatchBase* batch = make_(capacity_);
  batch->home = this;
  return batch;
}

void BatchRest::take_back(BatchBase* batch) noexcept {
  batch->reset();
  batch->next_free = std::exchange(free_, batch);
}

void BatchBase::reset() noexcept {
  clear_values();
  times.disable();
  hashes.disable();
  origins.disable();
  kinds.disable();
  marks.clear();
  start = {};
  split = 0;
  ingested_ns = 0;
  heap_bytes = 0;
  control = Control::kNone;
}

}  // namespace millstream::inline v0
