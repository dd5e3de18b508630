// What happens to a record that the user's function could not take.
#include "millstream/operators/operator_stage.hpp"

#include <exception>

namespace millstream::inline v0 {
namespace {

// Of the exception that is being handled.
std::string reason() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

}  // namespace

OperatorStage::OperatorStage() = default;
OperatorStage::~OperatorStage() = default;

void OperatorStage::record_failed(std::string_view reason, std::string bytes, const Origin* origin) {
  if (on_error_ == OnError::kFail) {
    std::string message = "stage '" + name() + "': the function threw: " + std::string{reason};
    if (origin != nullptr) {
      message += " (record " + std::to_string(origin->position) + " of split " + std::to_string(origin->split) + ")";
    }
    if (!bytes.empty()) message += "; record: " + bytes.substr(0, 200);
    message += "; to go on without such records set .on_error(ms::OnError::kSkip) or kDeadLetter on the stage";
    context().fail(Status{ErrorCode::kUserFailure, std::move(message)});
    return;
  }
  metrics_.skipped.add(1);
  if (on_error_ == OnError::kDeadLetter) {
    DeadLetter letter;
    letter.bytes = std::move(bytes);
    letter.reason = std::string{reason};
    if (origin != nullptr) {
      letter.source = "split " + std::to_string(origin->split);
      letter.line = origin->position;
    }
    dead_letter(std::move(letter));
  }
}

void OperatorStage::function_failed() {
  context().fail(
      {ErrorCode::kUserFailure, "stage '" + name() + "': a function of the key or the aggregate threw: " + reason()});
}

void OperatorStage::exception_at(const BatchBase& batch, std::uint32_t i, std::string bytes) {
  const Origin* origin = batch.origins.present() ? batch.origins.data() + i : nullptr;
  record_failed(reason(), std::move(bytes), origin);
}

Status OperatorStage::bad_entry(const StateEntry& entry) const {
  const std::vector<StateDeclaration> all = states();
  const std::string state = entry.state < all.size() ? all[entry.state].name : "number " + std::to_string(entry.state);
  return Status{ErrorCode::kInvalidData, "an entry of " + std::to_string(entry.key.size()) + " + " +
                                             std::to_string(entry.value.size()) + " bytes in key group " +
                                             std::to_string(entry.key_group) +
                                             " is not what this stage saves; restore an intact checkpoint"}
      .at("state " + state)
      .at("stage " + name());
}

void OperatorStage::times_missing() {
  context().fail({ErrorCode::kInternal, "stage '" + name() +
                                            "' works in event time and was given records without one, which the check "
                                            "of the graph should have found: please report it with flow.describe()"});
}

void OperatorStage::dead_letter(DeadLetter letter) {
  metrics_.dead_letters.add(1);
  auto batch = sides_.begin(dead_letters);
  if (!batch) return;
  if (letter.stage.empty()) letter.stage = name();
  batch->ingested_ns = context().clock->monotonic_ns();
  batch->emplace_back(std::move(letter));
  sides_.find(dead_letters)->emit(std::move(batch));
}

}  // namespace millstream::inline v0
