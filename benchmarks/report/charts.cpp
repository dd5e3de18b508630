// Bars, percentiles and lines.
#include "report/charts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "report/axis.hpp"

namespace report {
namespace {

constexpr double kWidth = 370;
constexpr double kMargin = 8;
constexpr double kTop = 42;       // below the title and the legend or axis
constexpr double kBarStep = 34;   // a label and its bar
constexpr double kPlotLeft = 48;  // room for the numbers of the axis
constexpr double kPlotRight = kWidth - 16;
constexpr double kPlotHeight = 200;
constexpr std::size_t kTitleColumns = 46;
constexpr std::size_t kLabelColumns = 56;
constexpr std::size_t kLegendColumns = 24;

bool drawable(double value) { return std::isfinite(value) && value >= 0; }

// A linear or logarithmic scale from the first to the last tick.
class Scale {
 public:
  Scale(std::vector<double> ticks, bool log, double from, double to)
      : ticks_{std::move(ticks)}, log_{log}, from_{from}, to_{to} {}
  [[nodiscard]] const std::vector<double>& ticks() const { return ticks_; }
  [[nodiscard]] double at(double value) const {
    const double low = place(ticks_.front());
    return from_ + (to_ - from_) * (place(value) - low) / (place(ticks_.back()) - low);
  }
  [[nodiscard]] bool has(double value) const { return std::isfinite(value) && (!log_ || value > 0); }

 private:
  [[nodiscard]] double place(double value) const { return log_ ? std::log10(value) : value; }
  std::vector<double> ticks_;
  bool log_;
  double from_;
  double to_;
};

Svg begin(double height, const std::string& title) {
  Svg svg{kWidth, height, title};
  svg.bold({kMargin, 16}, shorten(title, kTitleColumns));
  return svg;
}

double legend_width(const std::string& name) { return 40 + 6.2 * static_cast<double>(name.size()); }

// Returns where the next entry would begin.
template <class Named>
double legend(Svg& svg, const std::vector<Named>& all, bool marks = true) {
  double x = kMargin;
  for (const Named& each : all) {
    const std::string name = shorten(each.name, kLegendColumns);
    svg.line({x, 31}, {x + 24, 31}, each.style);
    if (marks) svg.mark({x + 12, 31}, each.style);
    svg.text({x + 28, 35}, name);
    x += legend_width(name);
  }
  return x;
}

Scale vertical(const std::vector<double>& values, bool log) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  for (const double value : values) {
    if (!std::isfinite(value) || (log && value <= 0)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const double bottom = kTop + 18 + kPlotHeight;
  return {log ? log_ticks(low, high) : nice_ticks(std::min(low, 0.0), high, 5), log, bottom, kTop + 18};
}

void draw_vertical(Svg& svg, const Scale& scale, const std::string& name) {
  for (const double tick : scale.ticks()) {
    svg.line({kPlotLeft, scale.at(tick)}, {kPlotRight, scale.at(tick)}, Style::kGrid);
    svg.text({kPlotLeft - 5, scale.at(tick) + 4}, short_number(tick), Anchor::kEnd);
  }
  svg.text({kMargin, kTop + 8}, name);
}

void draw(Svg& svg, const std::vector<Point>& points, Style style, bool marks = true) {
  svg.path(points, style);
  if (!marks && points.size() > 1) return;
  for (const Point& point : points) svg.mark(point, style);
}

void draw_spans(Svg& svg, const Axes& axes, const Scale& x, Point legend_at, double bottom) {
  if (axes.spans.empty()) return;
  constexpr double kLeast = 1.5;  // still to be seen on a phone
  svg.band({legend_at.x, legend_at.y - 5}, 20, 10);
  svg.text({legend_at.x + 28, legend_at.y + 4}, shorten(axes.spans_name, kLegendColumns));
  for (const Span& span : axes.spans) {
    if (!x.has(span.from) || !x.has(span.to)) continue;
    const double from = std::clamp(x.at(span.from), kPlotLeft, kPlotRight);
    const double to = std::clamp(x.at(span.to), kPlotLeft, kPlotRight);
    if (to < from) continue;
    svg.band({from, kTop + 18}, std::max(to - from, kLeast), bottom - kTop - 18);
  }
}

std::string percentile_name(double quantile) {
  if (quantile >= 1) return "max";
  char text[32];
  std::snprintf(text, sizeof text, "p%.6g", quantile * 100);
  return text;
}

}  // namespace

std::string bars(const std::string& title, const std::string& axis, const std::vector<Bar>& all,
                 const std::optional<Reference>& reference) {
  double high = reference ? reference->value : 0;
  for (const Bar& bar : all) {
    for (const double value : {bar.value, bar.high.value_or(0)}) {
      if (drawable(value)) high = std::max(high, value);
    }
  }
  const double bottom = kTop + 14 + kBarStep * static_cast<double>(all.size());
  Svg svg = begin(bottom + 24, title);
  const Scale scale{nice_ticks(0, high, 5), false, kMargin + 4, kPlotRight};
  svg.text({kMargin, 33}, axis);
  for (const double tick : scale.ticks()) {
    svg.line({scale.at(tick), kTop + 8}, {scale.at(tick), bottom}, Style::kGrid);
    svg.text({scale.at(tick), bottom + 14}, short_number(tick), Anchor::kMiddle);
  }
  double y = kTop + 14;
  for (const Bar& bar : all) {
    if (drawable(bar.value)) svg.bar({scale.at(0), y + 15}, scale.at(bar.value) - scale.at(0), 12, bar.striped);
    if (bar.low && bar.high && drawable(*bar.low) && drawable(*bar.high)) {
      svg.line({scale.at(*bar.low), y + 21}, {scale.at(*bar.high), y + 21}, Style::kSolid);
      for (const double end : {*bar.low, *bar.high}) {
        svg.line({scale.at(end), y + 17}, {scale.at(end), y + 25}, Style::kSolid);
      }
    }
    y += kBarStep;
  }
  if (reference) {
    const double x = scale.at(reference->value);
    svg.line({x, kTop + 8}, {x, bottom}, Style::kDashed);
    svg.text({std::min(x, kPlotRight), kTop + 4}, reference->name, x > kWidth / 2 ? Anchor::kEnd : Anchor::kStart);
  }
  y = kTop + 14;
  // Behind the lines, whose rim they cover: notes are read first.
  for (const Bar& bar : all) {
    const std::size_t room = kLabelColumns - std::min(shorten(bar.note, kLabelColumns).size() + 2, kLabelColumns - 8);
    svg.text({kMargin + 4, y + 11},
             shorten(shorten(bar.label, room).append(bar.note.empty() ? "" : ": ").append(bar.note), kLabelColumns));
    y += kBarStep;
  }
  return svg.finish();
}

std::string percentiles(const std::string& title, const std::vector<Distribution>& all) {
  std::vector<double> values;
  std::vector<double> quantiles;
  for (const Distribution& each : all) {
    for (const Percentile& p : each.values) {
      values.push_back(p.value);
      quantiles.push_back(p.quantile);
    }
  }
  std::sort(quantiles.begin(), quantiles.end());
  quantiles.erase(std::unique(quantiles.begin(), quantiles.end()), quantiles.end());
  const Scale y = vertical(values, true);
  const double bottom = y.at(y.ticks().front());
  Svg svg = begin(bottom + 24, title);
  legend(svg, all);
  draw_vertical(svg, y, "us");
  // The longest has its place one nine behind the rarest percentile.
  double rarest = 1;
  for (const double quantile : quantiles) rarest = std::max(rarest, quantile < 1 ? nines(quantile) : 0);
  const Scale scale{{0, rarest + 1}, false, kPlotLeft, kPlotRight - 10};
  const auto x = [&](double quantile) { return scale.at(quantile < 1 ? nines(quantile) : rarest + 1); };
  for (const double quantile : quantiles) {
    svg.line({x(quantile), kTop + 18}, {x(quantile), bottom}, Style::kGrid);
    svg.text({x(quantile), bottom + 15}, percentile_name(quantile), Anchor::kMiddle);
  }
  for (const Distribution& each : all) {
    std::vector<Point> points;
    for (const Percentile& p : each.values) {
      if (y.has(p.value)) points.push_back({x(p.quantile), y.at(p.value)});
    }
    draw(svg, points, each.style);
  }
  if (!all.empty()) {
    for (const Percentile& p : all.front().values) {
      if (y.has(p.value)) svg.text({x(p.quantile), y.at(p.value) - 7}, short_number(p.value), Anchor::kMiddle);
    }
  }
  return svg.finish();
}

std::string lines(const std::string& title, const Axes& axes, const std::vector<Series>& all) {
  std::vector<double> values;
  double low = 0;
  double high = axes.x_reference ? axes.x_reference->value : 0;
  for (const Series& each : all) {
    for (const Point& point : each.values) {
      values.push_back(point.y);
      if (!std::isfinite(point.x)) continue;
      low = std::min(low, point.x);
      high = std::max(high, point.x);
    }
  }
  const Scale y = vertical(values, axes.log_y);
  const double bottom = y.at(y.ticks().front());
  Svg svg = begin(bottom + 38, title);
  const double legend_end = legend(svg, all, axes.marks);
  const Scale x{nice_ticks(low, high, 5), false, kPlotLeft, kPlotRight - 8};
  draw_spans(svg, axes, x, {legend_end, 31}, bottom);
  draw_vertical(svg, y, axes.y);
  for (const double tick : x.ticks()) {
    svg.line({x.at(tick), kTop + 18}, {x.at(tick), bottom}, Style::kGrid);
    svg.text({x.at(tick), bottom + 15}, short_number(tick), Anchor::kMiddle);
  }
  for (const double cut : axes.cuts) {
    if (x.has(cut)) svg.line({x.at(cut), bottom - 5}, {x.at(cut), bottom + 5}, Style::kSolid);
  }
  svg.text({kPlotRight, bottom + 30}, axes.x, Anchor::kEnd);
  for (const Series& each : all) {
    std::vector<Point> points;
    for (const Point& point : each.values) {
      if (std::isfinite(point.x) && y.has(point.y)) points.push_back({x.at(point.x), y.at(point.y)});
    }
    draw(svg, points, each.style, axes.marks);
  }
  if (axes.x_reference) {
    const double at = x.at(axes.x_reference->value);
    const bool right = at > kWidth / 2;
    svg.line({at, kTop + 18}, {at, bottom}, Style::kDotted);
    svg.text({right ? at - 4 : at + 4, bottom - 6}, axes.x_reference->name, right ? Anchor::kEnd : Anchor::kStart);
  }
  return svg.finish();
}

}  // namespace report
