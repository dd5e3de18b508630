// ColdPages: a range of the store, page by page, for whoever goes over all of it. Readers read one page while the one
// before is looked at, so the shard never waits for a disk.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/state/cold_tier.hpp"
#include "state/cold/cold_readers.hpp"

namespace millstream::inline v0 {

/// Belongs to one shard. Each page is as the store is when it is read.
class ColdPages {
 public:
  /// From `first` to before `end`. Nothing is asked for before the first waits().
  ColdPages(ColdTier& tier, std::uint32_t column, std::string first, std::string end)
      : tier_{tier}, next_{std::make_unique<ColdQuery>()}, spare_{std::make_unique<ColdQuery>()} {
    for (ColdQuery* query : {next_.get(), spare_.get()}) {
      query->kind = ColdQuery::Kind::kScan;
      query->column = column;
      query->end = end;
    }
    next_->first = std::move(first);
  }

  /// There is no page to look at yet; the shard is woken when there is. Not behind the last one.
  [[nodiscard]] bool waits() {
    ask();
    if (page_) return false;
    if (!ticket_) return true;  // more are under way than may be: the shard is woken when some come back
    page_ = tier_.mailbox().take(*ticket_);
    if (!page_) return true;
    ticket_.reset();
    if (page_->status.ok() && !page_->answer.next().empty()) {
      next_ = std::move(spare_);
      next_->first = page_->answer.next();
      ask();
    }
    return false;
  }
  /// The page, unless waits(); without entries where its status is no success.
  [[nodiscard]] const ColdQuery& page() const noexcept { return *page_; }
  /// It has been looked at; false where it was the last one.
  bool turn() {
    const bool more = !page_->answer.next().empty();
    if (more) {
      spare_ = std::move(page_);
    } else {
      page_.reset();
      spare_.reset();
    }
    return more;
  }

 private:
  void ask() {
    if (next_) ticket_ = tier_.mailbox().ask(next_);
  }

  ColdTier& tier_;
  std::unique_ptr<ColdQuery> next_;            // to be asked
  std::optional<ColdMailbox::Ticket> ticket_;  // of the one that is being read
  std::unique_ptr<ColdQuery> page_;            // that is being looked at
  std::unique_ptr<ColdQuery> spare_;
};

}  // namespace millstream::inline v0
