// Writes one SVG picture. It names no script, font file or other address, so it can stand alone or within a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace report {

/// `text` as XML holds it: markup escaped, and characters that XML has no place for replaced by '?'.
[[nodiscard]] std::string escape(std::string_view text);
/// `text`, cut to `columns` characters (of UTF-8) with an ellipsis.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t columns);

/// In units of the picture; y grows downwards.
struct Point {
  double x = 0;
  double y = 0;
};
/// Told apart without colour: by dashes, and by the shape at the points.
enum class Style { kSolid, kDashed, kDotted, kThin, kGrid };
enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  Svg(double width, double height, std::string_view title);
  void line(Point from, Point to, Style style);
  void path(const std::vector<Point>& points, Style style);
  void mark(Point at, Style style);
  void bar(Point corner, double width, double height, bool striped);
  /// Behind what is drawn later.
  void band(Point corner, double width, double height);
  void text(Point at, std::string_view text, Anchor anchor = Anchor::kStart);
  void bold(Point at, std::string_view text);
  /// The whole picture. Nothing may be drawn behind it.
  [[nodiscard]] std::string finish();

 private:
  void write(Point at, std::string_view text, const char* attributes);
  std::string out_;
};

}  // namespace report
