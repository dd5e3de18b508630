// Room and control of side outputs.
#include "millstream/channel/side_outputs.hpp"

namespace millstream::inline v0 {

SideOutputs::SideOutputs() = default;
SideOutputs::~SideOutputs() = default;

void SideOutputs::add(std::string name, std::type_index type, std::unique_ptr<OutputBase> output) {
  entries_.push_back({std::move(name), type, std::move(output)});
}

bool SideOutputs::ready() {
  for (Entry& entry : entries_) {
    if (!entry.output->ready()) return false;
  }
  return true;
}

Progress SideOutputs::drain() {
  Progress all = Progress::kIdle;
  for (Entry& entry : entries_) {
    const Progress one = entry.output->drain();
    if (one == Progress::kAdvanced || (one == Progress::kBlocked && all == Progress::kIdle)) all = one;
  }
  return all;
}

bool SideOutputs::outboxes_empty() const {
  for (const Entry& entry : entries_) {
    if (!entry.output->outbox_empty()) return false;
  }
  return true;
}

void SideOutputs::forward(const Watermarks& at, Control control, std::int64_t ingested_ns) {
  for (Entry& entry : entries_) {
    if (control == Control::kNone && entry.sent == at) continue;
    BatchHandle batch = entry.output->make_empty();
    batch->start = entry.sent;
    batch->ingested_ns = ingested_ns;
    batch->mark(at);
    batch->control = control;
    entry.sent = at;
    entry.output->emit(std::move(batch));
  }
}

}  // namespace millstream::inline v0
