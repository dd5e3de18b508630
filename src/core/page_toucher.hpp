// PageToucher: makes memory resident before its owner comes to it. The first touch of a huge page costs who touches it
// 0.3 to 1 ms, and several where the machine is a virtual one that has to be given the memory first: the longest that
// anything of a shard would take. A thread of its own does it instead.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace millstream::inline v0 {

/// Any thread. One for the process, which is there as long as somebody keeps it. It runs on the cores of who asked for
/// it first. Where none is free, or the system does not know how (Linux before 5.14), owners touch their memory
/// themselves, as ever.
class PageToucher {
 public:
  /// Null where no thread is to be had.
  [[nodiscard]] static std::shared_ptr<PageToucher> shared();
  PageToucher();
  ~PageToucher();
  PageToucher(const PageToucher&) = delete;
  PageToucher& operator=(const PageToucher&) = delete;

  /// Some time from now on. What the memory holds stays as it is, also if the owner is writing there. `first` begins a
  /// page.
  void touch(std::byte* first, std::size_t bytes);
  /// Returns when nothing in these bytes is or will be touched: they may be unmapped.
  void forget(const std::byte* first, std::size_t bytes);

 private:
  struct Range {
    std::byte* first = nullptr;
    std::size_t bytes = 0;
    [[nodiscard]] bool within(const std::byte* begin, std::size_t size) const {
      return first >= begin && first < begin + size;
    }
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Range> waiting_;
  Range current_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace millstream::inline v0
