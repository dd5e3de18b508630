// The marks of a batch between the results of its records.
#include "millstream/operators/flat_map.hpp"

namespace millstream::inline v0 {

FlatMapStageBase::FlatMapStageBase() = default;
FlatMapStageBase::~FlatMapStageBase() = default;

void FlatMapStageBase::transform(BatchHandle batch) {
  collected_->follow(*batch);
  collected_->begin(batch->ingested_ns, batch->times.present());
  collected_->mark(batch->start);
  std::uint32_t from = 0;
  for (const Mark& mark : batch->marks) {
    run(*batch, from, mark.position);
    if (context().failed()) return;
    collected_->mark(mark.at);
    from = mark.position;
  }
  run(*batch, from, batch->size());
  // What the record that failed has half given out stays here, and nothing comes behind it.
  if (context().failed()) return;
  metrics_.records_out.add(collected_->take_emitted());
  collected_->finish(batch->control);
}

}  // namespace millstream::inline v0
