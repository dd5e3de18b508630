// A sum over a field that is no number.
#include <string>

#include "millstream/window/aggregates.hpp"

namespace {
struct Word {
  std::string text;
};
}  // namespace

auto wrong = millstream::bind_aggregate<Word>(millstream::sum(&Word::text));
