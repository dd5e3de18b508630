// The transaction coordinator, and the offsets that transactions carry: states as in KIP-98, and a client of before
// KIP-890, whose epoch stays the same from one transaction to the next.
#include <algorithm>

#include "millstream/testing/log_broker.hpp"

namespace millstream::inline v0::testing {
namespace {

constexpr int kSettlingRounds = 100'000;  // far more than any transaction has markers

}  // namespace

// The coordinator of groups hears of a commit later than that of transactions.
void LogBroker::apply_offsets() {
  const auto& [group, offsets] = unapplied_.front();
  for (const auto& [partition, offset] : offsets) groups_[group][partition] = offset;
  unapplied_.pop_front();
}

// One thing that is under way goes on, or nothing does.
void LogBroker::progress() {
  abort_old();
  if (!random_.chance(faults_.progress)) return;
  if (!late_.empty() && random_.chance(0.3)) {
    const LateEnd arrived = late_.front();
    late_.pop_front();
    static_cast<void>(end_now(arrived.producer, arrived.commit));
    return;
  }
  if (!unapplied_.empty() && random_.chance(0.5)) return apply_offsets();
  for (auto& [name, id] : ids_) {
    if (id.current && transactions_[*id.current].state != Transaction::State::kOpen && random_.chance(0.7)) {
      return advance(transactions_[*id.current]);
    }
  }
}

// Markers one by one, then it has ended.
void LogBroker::advance(Transaction& transaction) {
  if (!transaction.unmarked.empty()) {
    auto next = transaction.unmarked.begin();
    std::advance(next, static_cast<std::ptrdiff_t>(random_.below(transaction.unmarked.size())));
    std::vector<Entry>& entries = log(*next);
    entries.push_back({{"", "", next->partition, entries.size()}, std::nullopt, true});
    transaction.unmarked.erase(next);
    if (transaction.commits) reach(LogPoint::kMarkerWritten);
    return;
  }
  if (transaction.commits) {
    for (auto& each : transaction.offsets) unapplied_.emplace_back(each.first, std::move(each.second));
  }
  transaction.offsets.clear();
  transaction.state = Transaction::State::kEnded;
  Id& id = ids_[transaction.id];
  id.current.reset();
  id.last_committed = transaction.commits;
  id.ended_any = true;
  if (transaction.commits) reach(LogPoint::kEnded);
}

void LogBroker::abort_old() {
  for (auto& [name, id] : ids_) {
    if (!id.current) continue;
    Transaction& transaction = transactions_[*id.current];
    if (transaction.state != Transaction::State::kOpen || now_ - transaction.started <= id.timeout) continue;
    transaction.state = Transaction::State::kAborting;
    ++id.epoch;
    id.ended_any = false;
  }
}

void LogBroker::settle() {
  const std::scoped_lock lock{mutex_};
  for (int round = 0; round < kSettlingRounds; ++round) {
    while (!unapplied_.empty()) apply_offsets();
    while (!late_.empty()) {
      static_cast<void>(end_now(late_.front().producer, late_.front().commit));
      late_.pop_front();
    }
    const auto ending = std::find_if(ids_.begin(), ids_.end(), [&](const auto& each) {
      return each.second.current && transactions_[*each.second.current].state != Transaction::State::kOpen;
    });
    if (ending == ids_.end() && unapplied_.empty()) return;
    if (ending == ids_.end()) continue;
    advance(transactions_[*ending->second.current]);
  }
}

LogReply LogBroker::init(const std::string& id, Duration timeout, LogProducer& producer) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(true)) return *reply;
  if (random_.chance(faults_.request_lost)) return LogReply::kTimedOut;
  Id& known = ids_[id];
  known.timeout = timeout;
  if (known.current) {
    Transaction& transaction = transactions_[*known.current];
    if (transaction.state == Transaction::State::kOpen) {
      transaction.state = Transaction::State::kAborting;
      ++known.epoch;
      known.ended_any = false;
    }
    return LogReply::kConcurrent;
  }
  ++known.epoch;
  known.ended_any = false;
  if (random_.chance(faults_.reply_lost)) return LogReply::kTimedOut;
  producer = {id, known.epoch};
  reach(LogPoint::kFenced);
  return LogReply::kOk;
}

LogBroker::Transaction& LogBroker::begin_or_current(Id& id, const std::string& name) {
  if (!id.current) {
    id.current = transactions_.size();
    transactions_.emplace_back();
    transactions_.back().id = name;
    transactions_.back().started = now_;
  }
  return transactions_[*id.current];
}

LogReply LogBroker::append(const LogProducer& producer, const LogPartition& to, const LogRecord& record) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(false)) return *reply;
  Id& id = ids_[producer.id];
  if (id.epoch != producer.epoch) return LogReply::kFenced;
  Transaction& transaction = begin_or_current(id, producer.id);
  if (transaction.state != Transaction::State::kOpen) return LogReply::kConcurrent;
  if (random_.chance(faults_.delivery_failed)) {
    transaction.broken = true;
    return LogReply::kOk;
  }
  log(to).push_back({{record.key, record.value, to.partition, log(to).size()}, *id.current, false});
  transaction.unmarked.insert(to);
  reach(LogPoint::kAppended);
  return LogReply::kOk;
}

LogReply LogBroker::flush(const LogProducer& producer) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(false)) return *reply;
  const Id& id = ids_[producer.id];
  if (id.epoch != producer.epoch) return LogReply::kFenced;
  return id.current && transactions_[*id.current].broken ? LogReply::kDeliveryFailed : LogReply::kOk;
}

LogReply LogBroker::add_offsets(const LogProducer& producer, const std::string& group, const LogOffsets& offsets) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(true)) return *reply;
  if (random_.chance(faults_.request_lost)) return LogReply::kTimedOut;
  Id& id = ids_[producer.id];
  if (id.epoch != producer.epoch) return LogReply::kFenced;
  Transaction& transaction = begin_or_current(id, producer.id);
  if (transaction.state != Transaction::State::kOpen) return LogReply::kConcurrent;
  for (const auto& [partition, offset] : offsets) transaction.offsets[group][partition] = offset;
  reach(LogPoint::kOffsetsAdded);
  return random_.chance(faults_.reply_lost) ? LogReply::kTimedOut : LogReply::kOk;
}

LogReply LogBroker::end(const LogProducer& producer, bool commit) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(true)) return *reply;
  if (commit) reach(LogPoint::kEndRequested);
  if (cut_off_ || random_.chance(faults_.request_lost)) return LogReply::kTimedOut;
  if (random_.chance(faults_.request_late)) {
    late_.push_back({producer, commit});
    return LogReply::kTimedOut;
  }
  const LogReply reply = end_now(producer, commit);
  return random_.chance(faults_.reply_lost) ? LogReply::kTimedOut : reply;
}

LogReply LogBroker::end_now(const LogProducer& producer, bool commit) {
  Id& id = ids_[producer.id];
  if (id.epoch != producer.epoch) return LogReply::kFenced;
  // A repeated end is answered by what became of the first one.
  if (!id.current) return !id.ended_any || id.last_committed == commit ? LogReply::kOk : LogReply::kInvalidState;
  Transaction& transaction = transactions_[*id.current];
  if (transaction.state == Transaction::State::kOpen) {
    transaction.state = commit ? Transaction::State::kCommitting : Transaction::State::kAborting;
    transaction.commits = commit;
    if (commit) reach(LogPoint::kEndPrepared);
    return LogReply::kOk;
  }
  return transaction.commits == commit ? LogReply::kConcurrent : LogReply::kInvalidState;
}

LogReply LogBroker::offsets(const std::string& group, bool stable, LogOffsets& offsets) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(true)) return *reply;
  const bool unapplied =
      std::any_of(unapplied_.begin(), unapplied_.end(), [&](const auto& each) { return each.first == group; });
  if (stable && unapplied) return LogReply::kUnstable;
  for (const auto& [name, id] : ids_) {
    if (stable && id.current && transactions_[*id.current].offsets.contains(group)) return LogReply::kUnstable;
  }
  reach(LogPoint::kOffsetsRead);
  offsets = random_.chance(faults_.offsets_missing) ? LogOffsets{} : groups_[group];
  return LogReply::kOk;
}

}  // namespace millstream::inline v0::testing
