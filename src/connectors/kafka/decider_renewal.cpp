// Behind a commit: the next transaction begins, of the same client or of a new one.
#include <algorithm>
#include <utility>

#include "connectors/kafka/decider.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

using Outcome = TransactionReply::Outcome;

}  // namespace

DecisionStep KafkaDecider::renew(const DecisionDraft& draft) {
  if (!failure_.ok()) return DecisionStep::in_doubt(failure_);
  for (bool fresh = false, begun = false; !begun;) {
    if (late_possible_) {
      DecisionStep replaced = replace_client(draft);
      if (replaced.outcome != DecisionStep::Outcome::kDone) return replaced;
      fresh = true;
    }
    const TransactionReply reply = transactions_->begin();
    if (!reply.ok()) return fail(DecisionStep::in_doubt(status_of(reply, "behind a commit, beginning")));
    // The connection that took the commit may be told to be broken only here. No broker has been asked for the new
    // transaction yet, so another client can have it. One that has only been initialised has nothing under way that
    // could end a transaction.
    late_possible_ = reply.connection_lost;
    begun = !late_possible_ || fresh;
  }
  committed_ = ending_ = offsets_asked_ = older_asked_ = false;
  passes_->let_next_pass();
  return DecisionStep::done();
}

// A request that timed out, or whose connection broke, may still be on its way, and would end the next transaction of
// this client, or give it offsets of this one. Behind the fence of a new client it cannot; but that takes the id from
// whoever has begun meanwhile (this process may have been stopped for an hour). What that has decided is the job's
// state now, and this run is over: so the decision is read before, not to fence that one, and behind, where nobody can
// change it any more.
DecisionStep KafkaDecider::replace_client(const DecisionDraft& draft) {
  const auto is_newest = [&]() -> std::optional<DecisionStep> {
    const Result<Decision> found = look(options_.connect_timeout);
    if (!found) {
      if (found.error().code() == ErrorCode::kUnavailable && !out_of_time()) return pending();
      return fail(DecisionStep::in_doubt(found.error()));
    }
    if (found->kind == Decision::Kind::kDecided && found->checkpoint == draft.checkpoint) return std::nullopt;
    fenced_ = true;
    return fail(DecisionStep::in_doubt({ErrorCode::kUnavailable, topics() + ": behind the commit of checkpoint " +
                                                                     draft.checkpoint.to_string() + ": " +
                                                                     taken_over(*found).message()}));
  };
  if (!own_) {
    if (std::optional<DecisionStep> other = is_newest()) return *std::move(other);
    own_ = true;
  }
  if (successor_ == nullptr) {
    Result<std::shared_ptr<Transactions>> made = connect(id_);
    if (!made && made.error().code() == ErrorCode::kUnavailable && !out_of_time()) return pending();
    if (!made) return fail(DecisionStep::in_doubt(made.error()));
    successor_ = *std::move(made);
  }
  if (!successor_ready_) {
    const TransactionReply reply = successor_->init(kSlice);
    if (reply.outcome == Outcome::kRetriable && !out_of_time()) return pending();
    if (!reply.ok()) return fail(DecisionStep::in_doubt(status_of(reply, "behind a commit, initialising")));
    successor_ready_ = true;
  }
  if (std::optional<DecisionStep> other = is_newest()) return *std::move(other);
  connection_->use({successor_, &successor_->producer()});
  retired_.push_back(std::exchange(transactions_, std::exchange(successor_, nullptr)));
  successor_ready_ = own_ = late_possible_ = false;
  unanswered_ = 0;
  waiting_since_ns_.reset();
  return DecisionStep::done();
}

// A shard may be serving one still.
void KafkaDecider::drop_retired() {
  std::erase_if(retired_, [](const std::shared_ptr<Transactions>& each) { return each.use_count() == 1; });
}

}  // namespace millstream::inline v0::kafka::detail
