// Query: a query of Nexmark as a dataflow in the public API, beside the model that says what its results are. Each has
// a file of its own in queries/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millstream/stream/stream.hpp"
#include "nexmark/input.hpp"
#include "nexmark/results.hpp"

namespace nexmark {

struct Query {
  const char* name;
  const char* what;
  void (*declare)(const millstream::Stream<Event>& events, const Outlet& out);
  /// The results of a plain single-threaded program.
  Digest (*model)(const Input& input);
  /// The same dataflow over views of events that lie in memory; null where there is none.
  void (*declare_views)(const millstream::Stream<EventView>& events, const Outlet& out) = nullptr;
  /// What a careful engineer writes by hand for these results, over events in the order of their times; null where
  /// there is none. Of those that have one, declare_views is not null.
  Digest (*hand)(const Input& input) = nullptr;
  /// Of a query that writes files itself: takes what stands in them.
  void (*collect)(const std::string& folder, Results& results) = nullptr;
  /// Its results depend on when records are worked on: its model takes that to be when the clock has come to their
  /// event times.
  bool by_wall_clock = false;
  /// Its results depend on the order of events, which those of several splits do not have.
  bool by_order = false;
};

[[nodiscard]] Query q0();
[[nodiscard]] Query q1();
[[nodiscard]] Query q2();
[[nodiscard]] Query q5();
[[nodiscard]] Query q7();
[[nodiscard]] Query q10();
[[nodiscard]] Query q11();
[[nodiscard]] Query q12();
[[nodiscard]] Query q14();
[[nodiscard]] Query q15();
[[nodiscard]] Query q16();
[[nodiscard]] Query q17();
[[nodiscard]] Query q18();
[[nodiscard]] Query q19();
[[nodiscard]] Query q21();
[[nodiscard]] Query q22();

[[nodiscard]] std::vector<Query> all_queries();
/// Why Nexmark's query of that name is not among them; "" where it is, or where Nexmark has none.
[[nodiscard]] std::string missing(std::string_view name);

}  // namespace nexmark
