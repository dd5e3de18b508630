// A predicate of another record.
#include <string>

#include "millstream/window/aggregates.hpp"

namespace {
struct Word {
  std::string text;
};
}  // namespace

auto wrong = millstream::bind_aggregate<Word>(
    millstream::filtered([](const std::string& text) { return text.empty(); }, millstream::count()));
