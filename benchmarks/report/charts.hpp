// The kinds of charts. All are as wide as a phone's screen, so that their letters keep their size there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/svg.hpp"

namespace report {

struct Bar {
  std::string label;
  double value = 0;
  std::optional<double> low = {};  // of the rounds; drawn as a whisker with `high`
  std::optional<double> high = {};
  std::string note = {};  // behind the label
  bool striped = false;
};
/// A line across all bars, such as the loop by hand.
struct Reference {
  double value = 0;
  std::string name;
};
/// Horizontal bars, each under its label. A value that is negative or not finite has no bar, but its note.
[[nodiscard]] std::string bars(const std::string& title, const std::string& axis, const std::vector<Bar>& all,
                               const std::optional<Reference>& reference);

struct Percentile {
  double quantile = 0;  // 1 is the longest
  double value = 0;
};
struct Distribution {
  std::string name;
  Style style = Style::kSolid;
  std::vector<Percentile> values;
};
/// Microseconds, on a logarithmic axis, by percentile on an axis of nines. Values that are not positive are left out.
[[nodiscard]] std::string percentiles(const std::string& title, const std::vector<Distribution>& all);

struct Series {
  std::string name;
  Style style = Style::kSolid;
  std::vector<Point> values;
};
/// A part of the x axis, shaded over the whole height; as wide as a line where it would be less.
struct Span {
  double from = 0;
  double to = 0;
};
struct Axes {
  std::string x;
  std::string y;
  bool log_y = false;
  std::optional<Reference> x_reference = {};  // a line at this x
  std::vector<double> cuts = {};              // marks on the axis at these x
  std::string spans_name = {};
  std::vector<Span> spans = {};
  bool marks = true;  // at each point; without them lines are told apart by their dashes alone
};
/// Lines over numbers. Values that the axes have no place for are left out.
[[nodiscard]] std::string lines(const std::string& title, const Axes& axes, const std::vector<Series>& all);

}  // namespace report
