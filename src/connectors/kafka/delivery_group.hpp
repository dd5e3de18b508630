// DeliveryGroup: deliveries that the client reports one after the other are told to their log together, for each
// telling costs two atomic operations and perhaps a wake-up.
#pragma once

#include <cstddef>
#include <utility>

#include "connectors/kafka/client.hpp"

namespace millstream::inline v0::kafka::detail {

/// While one lives, it collects what is delivered() on its thread, and tells all of it at its end at the latest.
/// Failures are not collected: they come with a cause.
class DeliveryGroup {
 public:
  DeliveryGroup() : around_{std::exchange(newest(), this)} {}
  ~DeliveryGroup() {
    tell();
    newest() = around_;
  }
  DeliveryGroup(const DeliveryGroup&) = delete;
  DeliveryGroup& operator=(const DeliveryGroup&) = delete;

  /// Without a group `log` hears of it at once.
  static void delivered(DeliveryLog& log, std::size_t bytes) {
    if (DeliveryGroup* group = newest()) {
      group->add(log, bytes);
    } else {
      log.delivered(1, bytes);
    }
  }

 private:
  static constexpr std::size_t kMessagesMax = 256;  // writers on other threads may be waiting for room

  static DeliveryGroup*& newest() {
    static thread_local DeliveryGroup* group = nullptr;
    return group;
  }
  void add(DeliveryLog& log, std::size_t bytes) {
    if (log_ != &log || messages_ == kMessagesMax) tell();
    log_ = &log;
    ++messages_;
    bytes_ += bytes;
  }
  void tell() {
    if (messages_ == 0) return;
    log_->delivered(std::exchange(messages_, 0), std::exchange(bytes_, 0));
  }

  DeliveryGroup* around_;
  DeliveryLog* log_ = nullptr;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace millstream::inline v0::kafka::detail
