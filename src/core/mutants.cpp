// Which mutant is active.
#include "core/mutants.hpp"

#include <atomic>
#include <cstdlib>

namespace millstream::inline v0 {
namespace {

std::atomic<Mutant>& active() {
  static std::atomic<Mutant> mutant{[] {
    const char* number = std::getenv("MILLSTREAM_MUTANT");
    return number != nullptr ? static_cast<Mutant>(std::atoi(number)) : Mutant::kNone;
  }()};
  return mutant;
}

}  // namespace

bool mutant_is(Mutant mutant) noexcept { return active().load(std::memory_order_relaxed) == mutant; }
void set_mutant(Mutant mutant) noexcept { active().store(mutant, std::memory_order_relaxed); }

}  // namespace millstream::inline v0
