// How a reservation takes from its budget and gives back.
#include "millstream/core/memory_budget.hpp"

namespace millstream::inline v0 {

MemoryReservation::MemoryReservation(MemoryReservation&& other) noexcept
    : budget_{std::move(other.budget_)}, bytes_{std::exchange(other.bytes_, 0)} {}

MemoryReservation& MemoryReservation::operator=(MemoryReservation&& other) noexcept {
  if (this != &other) {
    resize(0);
    budget_ = std::move(other.budget_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

MemoryReservation::~MemoryReservation() { resize(0); }

bool MemoryReservation::try_resize(std::size_t bytes) noexcept {
  if (bytes <= bytes_) {
    resize(bytes);
    return true;
  }
  if (budget_ && !budget_->try_reserve(bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

void MemoryReservation::change(std::size_t bytes) noexcept {
  if (budget_) {
    if (bytes > bytes_) budget_->reserve(bytes - bytes_);
    if (bytes < bytes_) budget_->release(bytes_ - bytes);
  }
  bytes_ = bytes;
}

}  // namespace millstream::inline v0
