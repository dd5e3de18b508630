// The elements of SVG that the charts need.
#include "report/svg.hpp"

#include <cstdio>
#include <utility>

namespace report {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string attribute(const char* name, double value) {
  return std::string{" "}.append(name).append("=\"").append(number(value)).append("\"");
}

const char* stroke(Style style) {
  switch (style) {
    case Style::kDashed:
      return " fill=\"none\" stroke=\"#333\" stroke-width=\"1.6\" stroke-dasharray=\"6 3\"";
    case Style::kDotted:
      return " fill=\"none\" stroke=\"#333\" stroke-width=\"1.6\" stroke-dasharray=\"1.5 3\"";
    case Style::kThin:
      return " fill=\"none\" stroke=\"#777\" stroke-width=\"0.9\"";
    case Style::kGrid:
      return " stroke=\"#ccc\" stroke-width=\"0.7\"";
    case Style::kSolid:
      break;
  }
  return " fill=\"none\" stroke=\"#000\" stroke-width=\"1.6\"";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t columns) {
  std::size_t seen = 0;
  std::size_t last = 0;  // where the last character that still fits beside the ellipsis begins
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (++seen == columns) last = i;
    if (seen > columns) return std::string{text.substr(0, last)}.append("\u2026");
  }
  return std::string{text};
}

Svg::Svg(double width, double height, std::string_view title) {
  const std::string w = number(width);
  const std::string h = number(height);
  out_.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ").append(w).append(" ").append(h);
  out_.append("\" width=\"").append(w).append("\" height=\"").append(h);
  out_.append("\" role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n<title>").append(escape(title));
  out_.append("</title>\n<defs><pattern id=\"stripes\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">");
  out_.append(
      "<rect width=\"5\" height=\"5\" fill=\"#fff\"/><path d=\"M0 5L5 0\" stroke=\"#333\"/></pattern></defs>\n");
  out_.append("<rect width=\"").append(w).append("\" height=\"").append(h).append("\" fill=\"#fff\"/>\n");
}

void Svg::line(Point from, Point to, Style style) {
  out_.append("<line").append(attribute("x1", from.x)).append(attribute("y1", from.y));
  out_.append(attribute("x2", to.x)).append(attribute("y2", to.y)).append(stroke(style)).append("/>\n");
}

void Svg::path(const std::vector<Point>& points, Style style) {
  if (points.size() < 2) return;
  out_ += "<polyline points=\"";
  for (const Point& point : points) out_.append(number(point.x)).append(",").append(number(point.y)).append(" ");
  out_.back() = '"';
  out_.append(stroke(style)).append("/>\n");
}

void Svg::mark(Point at, Style style) {
  if (style == Style::kDashed) {
    out_.append("<rect").append(attribute("x", at.x - 3)).append(attribute("y", at.y - 3));
    out_ += " width=\"6\" height=\"6\" fill=\"#fff\" stroke=\"#000\"/>\n";
    return;
  }
  out_.append("<circle").append(attribute("cx", at.x)).append(attribute("cy", at.y)).append(" r=\"3.2\" fill=\"");
  out_.append(style == Style::kDotted ? "#fff" : "#000").append("\" stroke=\"#000\"/>\n");
}

void Svg::bar(Point corner, double width, double height, bool striped) {
  out_.append("<rect").append(attribute("x", corner.x)).append(attribute("y", corner.y));
  out_.append(attribute("width", width)).append(attribute("height", height)).append(" fill=\"");
  out_.append(striped ? "url(#stripes)" : "#777").append("\" stroke=\"#333\" stroke-width=\"0.7\"/>\n");
}

void Svg::band(Point corner, double width, double height) {
  out_.append("<rect").append(attribute("x", corner.x)).append(attribute("y", corner.y));
  out_.append(attribute("width", width)).append(attribute("height", height)).append(" fill=\"#ccc\"/>\n");
}

void Svg::write(Point at, std::string_view text, const char* attributes) {
  // A rim of white keeps letters readable where a line passes behind them.
  out_.append("<text").append(attribute("x", at.x)).append(attribute("y", at.y)).append(attributes);
  out_.append(" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">").append(escape(text)).append("</text>\n");
}

void Svg::text(Point at, std::string_view text, Anchor anchor) {
  write(at, text,
        anchor == Anchor::kStart    ? ""
        : anchor == Anchor::kMiddle ? " text-anchor=\"middle\""
                                    : " text-anchor=\"end\"");
}

void Svg::bold(Point at, std::string_view text) { write(at, text, " font-weight=\"bold\" font-size=\"13\""); }

std::string Svg::finish() { return std::move(out_.append("</svg>\n")); }

}  // namespace report
