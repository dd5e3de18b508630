// ColdTableBase::Expiry: finds what has expired in the store, so that it leaves the disk though nobody asks for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "millstream/state/cold_table.hpp"
#include "state/cold/cold_key.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/cold_walk.hpp"
#include "state/cold/erased_keys.hpp"

namespace millstream::inline v0 {

/// Goes over the shard's key groups in about a time to live, page by page. A key of which it finds an expired value,
/// and that is not in memory, goes as one does that is erased.
class ColdTableBase::Expiry {
 public:
  Expiry(ColdTableBase& owner, Duration ttl)
      : owner_{owner}, groups_{owner.tier_.groups()}, pause_{ttl / (groups_.end - groups_.first)} {
    query_->kind = ColdQuery::Kind::kScan;
    query_->column = owner.column_;
    query_->piece = {kPageBytes, kPageEntries};
  }

  /// True if something was done.
  bool step() {
    // A walk must find what was there at its barrier.
    if (owner_.walking_) return ticket_ && take() != nullptr;
    if (!ticket_) return begin();
    const ColdQuery* const page = take();
    if (page == nullptr) return false;
    // What was read may be older than what has been written and has left memory since.
    if (owner_.retired_ != retired_) return true;
    if (!page->status.ok()) {
      owner_.failure_ = of_a_copy(page->status);
      return true;
    }
    for (std::size_t i = 0; i < page->answer.size() && owner_.failure_.ok(); ++i) {
      look_at(page->answer.key(i), *page->answer.value(i));
    }
    go_on_at(page->answer.next());
    return true;
  }

 private:
  static constexpr std::size_t kPageBytes = std::size_t{64} << 10;
  static constexpr std::size_t kPageEntries = 1024;  // some 100 us

  bool begin() {
    if (!owner_.spilled_ || owner_.now() < due_) return false;
    query_->first = next_;
    query_->end.clear();
    if (next_.empty()) append_cold_group(query_->first, owner_.prefix_, group_);
    append_cold_group(query_->end, owner_.prefix_, group_ + 1);
    retired_ = owner_.retired_;
    ticket_ = owner_.tier_.mailbox().ask(query_);
    return ticket_.has_value();
  }
  const ColdQuery* take() {
    std::unique_ptr<ColdQuery> page = owner_.tier_.mailbox().take(*ticket_);
    if (!page) return nullptr;
    ticket_.reset();
    query_ = std::move(page);
    return query_.get();
  }
  void look_at(std::string_view stored, std::string_view value) {
    ColdKeyParts parts;
    if (!split_cold_key(stored, owner_.prefix_.size(), parts)) {
      owner_.failure_ = unreadable_entry();
      return;
    }
    if (!owner_.is_over(value) || owner_.find_key(parts.rest) != TableBlocks::kNone) return;
    if (owner_.erased_->contains(stored)) return;
    owner_.erased_->add(stored, false);
    owner_.erased_bytes_ = owner_.erased_->bytes();
    owner_.changes_.remove(parts.key_group, parts.rest);
  }
  void go_on_at(std::string_view next) {
    next_.assign(next);
    if (!next_.empty()) return;
    group_ = group_ + 1 < groups_.end ? group_ + 1 : groups_.first;
    due_ = saturating_add(owner_.now(), pause_);
  }

  ColdTableBase& owner_;
  ColdTier::Groups groups_;
  Duration pause_;  // between two groups
  std::uint32_t group_ = groups_.first;
  std::string next_;  // where it goes on in the group; empty: at its beginning
  Timestamp due_ = kTimestampMin;
  std::uint64_t retired_ = 0;  // of the owner, when it asked
  std::unique_ptr<ColdQuery> query_ = std::make_unique<ColdQuery>();
  std::optional<ColdMailbox::Ticket> ticket_;
};

}  // namespace millstream::inline v0
