#include "graft/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "graft/report/text.h"

namespace graft::report {
namespace {

// User units; the figure scales to its column. Text stays readable down to half of the width.
constexpr double kWidth = 440;
constexpr double kHeight = 232;
constexpr double kLeft = 50;
constexpr double kRight = 12;
constexpr double kTop = 20;
constexpr double kBottom = 36;
constexpr double kLetter = 5.8;
constexpr size_t kMaxLabelled = 24;

int color_of(const Series& series) {
  return (series.color % 8 + 8) % 8;
}

bool drawable(Scale scale, double value) {
  return std::isfinite(value) && (scale == Scale::linear || value > 0);
}

/// Pixel positions of one chart.
struct Frame {
  Scale x_scale, y_scale;
  Range x, y;
  double px(double value) const {
    return kLeft + position(x_scale, x, value) * (kWidth - kLeft - kRight);
  }
  double py(double value) const {
    return kHeight - kBottom - position(y_scale, y, value) * (kHeight - kTop - kBottom);
  }
};

bool extent(const LineChart& chart, Range& x, Range& y) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  x = y = {kInf, -kInf};
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!drawable(chart.x_scale, point.x) || !drawable(chart.y_scale, point.y)) continue;
      x = {std::min(x.low, point.x), std::max(x.high, point.x)};
      y = {std::min(y.low, point.y), std::max(y.high, point.y)};
    }
    for (const Range& range : series.band) {
      if (drawable(chart.y_scale, range.low)) y.low = std::min(y.low, range.low);
      if (drawable(chart.y_scale, range.high)) y.high = std::max(y.high, range.high);
    }
  }
  return x.low <= x.high;
}

void draw_axes(std::string& out, const LineChart& chart, const Frame& frame) {
  auto to = std::back_inserter(out);
  const double bottom = kHeight - kBottom;
  for (const Tick& tick : ticks(frame.y_scale, frame.y, 5)) {
    const double y = frame.py(tick.value);
    fmt::format_to(to, R"(<path class="grid" d="M{} {:.1f}H{}"/>)", kLeft, y, kWidth - kRight);
    fmt::format_to(to, R"(<text class="end" x="{}" y="{:.1f}">{}</text>)", kLeft - 6, y + 3.5,
                   tick.label);
  }
  for (const Tick& tick : ticks(frame.x_scale, frame.x, 6)) {
    const double x = frame.px(tick.value);
    fmt::format_to(to, R"(<path class="axis" d="M{:.1f} {}v4"/>)", x, bottom);
    fmt::format_to(to, R"(<text class="mid" x="{:.1f}" y="{}">{}</text>)", x, bottom + 15,
                   tick.label);
  }
  fmt::format_to(to, R"(<path class="axis" d="M{} {}H{}"/>)", kLeft, bottom, kWidth - kRight);
  fmt::format_to(to, R"(<text class="mid name" x="{}" y="{}">{}</text>)",
                 (kLeft + kWidth - kRight) / 2, kHeight - 4, escape(chart.x_label));
}

void draw_borders(std::string& out, const LineChart& chart, const Frame& frame) {
  double free_from = kLeft;
  const bool labelled = chart.borders.size() <= kMaxLabelled;
  for (size_t i = 0; i < chart.borders.size(); ++i) {
    const Border& border = chart.borders[i];
    if (!drawable(frame.x_scale, border.x)) continue;
    const double x = frame.px(border.x);
    if (x < kLeft - 1 || x > kWidth - kRight + 1) continue;
    fmt::format_to(std::back_inserter(out),
                   R"(<path class="border" d="M{:.1f} {}V{}"><title>{}</title></path>)", x,
                   kTop - 4, kHeight - kBottom, escape(border.label));
    // A label may reach to the next border, and is left out where it would say nothing.
    const double next = i + 1 < chart.borders.size() ? frame.px(chart.borders[i + 1].x) : kWidth;
    const double room = (next - x - 6) / kLetter;
    if (!labelled || x + 3 < free_from || room < 3 || border.label.empty()) continue;
    const std::string text = shorten(border.label, static_cast<size_t>(room));
    fmt::format_to(std::back_inserter(out), R"(<text class="stage" x="{:.1f}" y="{}">{}</text>)",
                   x + 4, kTop - 6, escape(text));
    free_from = x + 3 + static_cast<double>(text_width(text)) * kLetter;
  }
}

std::string read_out(double value) {
  return std::abs(value) >= 1e4 && value == std::round(value) ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.4g}", value);
}

/// One unbroken piece of a line. data-v holds "x,y" of every point for the hover read-out.
void draw_piece(std::string& out, const Series& series, const Frame& frame, const Point* first,
                const Point* last) {
  if (first == last) return;
  static constexpr const char* kStrokes[] = {"line", "line faint", "line dashed", "line dotted"};
  const int color = color_of(series);
  std::string points;
  std::string values;
  std::string dots;
  const bool alone = last - first == 1;
  for (const Point* point = first; point != last; ++point) {
    const double x = frame.px(point->x);
    const double y = frame.py(point->y);
    fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", x, y);
    if (series.listed) {
      fmt::format_to(std::back_inserter(values), "{},{} ", read_out(point->x), read_out(point->y));
    }
    if (series.dots || alone) {
      fmt::format_to(std::back_inserter(dots),
                     R"(<circle class="s{}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>)", color, x, y);
    }
  }
  fmt::format_to(std::back_inserter(out), R"(<polyline class="{} s{}" points="{}")",
                 kStrokes[static_cast<int>(series.stroke)], color, points);
  if (series.listed) {
    fmt::format_to(std::back_inserter(out), R"( data-n="{}" data-v="{}")", escape(series.name),
                   values);
  }
  out += "/>" + dots;
}

/// The area between the low and the high ends of a series' intervals.
void draw_band(std::string& out, const Series& series, const Frame& frame) {
  std::vector<std::string> lower;
  std::string upper;
  const size_t count = std::min(series.band.size(), series.points.size());
  for (size_t i = 0; i < count; ++i) {
    const double x = series.points[i].x;
    const Range range = series.band[i];
    if (!drawable(frame.x_scale, x) || !drawable(frame.y_scale, range.low) ||
        !drawable(frame.y_scale, range.high)) {
      continue;
    }
    upper += fmt::format("{:.1f},{:.1f} ", frame.px(x), frame.py(range.high));
    lower.push_back(fmt::format("{:.1f},{:.1f} ", frame.px(x), frame.py(range.low)));
  }
  if (upper.empty()) return;
  // There along the high ends, and back along the low ones.
  for (auto corner = lower.rbegin(); corner != lower.rend(); ++corner) upper += *corner;
  fmt::format_to(std::back_inserter(out), R"(<polygon class="band s{}" points="{}"/>)",
                 color_of(series), upper);
}

void draw_series(std::string& out, const Series& series, const Frame& frame) {
  const Point* begin = series.points.data();
  const Point* end = begin + series.points.size();
  const auto good = [&](const Point& p) {
    return drawable(frame.x_scale, p.x) && drawable(frame.y_scale, p.y);
  };
  while (begin != end) {
    begin = std::find_if(begin, end, good);
    const Point* stop = std::find_if_not(begin, end, good);
    draw_piece(out, series, frame, begin, stop);
    begin = stop;
  }
}

std::string legend(const LineChart& chart) {
  std::string out;
  const auto listed = std::count_if(chart.series.begin(), chart.series.end(),
                                    [](const Series& s) { return s.listed && !s.name.empty(); });
  if (listed < 2) return out;
  for (const Series& series : chart.series) {
    if (!series.listed || series.name.empty()) continue;
    const char* dash = series.stroke == Stroke::dashed   ? " dashed"
                       : series.stroke == Stroke::dotted ? " dotted"
                                                         : "";
    fmt::format_to(std::back_inserter(out), R"(<span class="key s{}{}">{}</span>)",
                   color_of(series), dash, escape(shorten(series.name, 40)));
  }
  return "<span class=\"legend\">" + out + "</span>";
}

}  // namespace

std::string render(const LineChart& chart) {
  std::string out = "<figure class=\"chart\"><figcaption><b>" + escape(chart.title) + "</b>";
  if (!chart.note.empty()) out += " <small>" + escape(chart.note) + "</small>";
  out += legend(chart) + "</figcaption>";
  Frame frame{chart.x_scale, chart.y_scale, {}, {}};
  if (!extent(chart, frame.x, frame.y)) {
    return out + "<p class=\"none\">Nothing was logged yet.</p></figure>";
  }
  if (chart.x_range) {
    frame.x = {std::min(frame.x.low, chart.x_range->low),
               std::max(frame.x.high, chart.x_range->high)};
  }
  frame.y = chart.y_range ? Range{std::min(frame.y.low, chart.y_range->low),
                                  std::max(frame.y.high, chart.y_range->high)}
                          : padded(chart.y_scale, frame.y);
  if (frame.x.low == frame.x.high) frame.x = padded(chart.x_scale, frame.x);
  fmt::format_to(
      std::back_inserter(out),
      R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}" data-x="{}" data-box="{} {} {}">)",
      kWidth, kHeight, escape(chart.title), escape(chart.x_label), kTop, kHeight - kBottom, kWidth);
  draw_axes(out, chart, frame);
  draw_borders(out, chart, frame);
  for (const Series& series : chart.series) draw_band(out, series, frame);
  for (const Series& series : chart.series) draw_series(out, series, frame);
  return out + "</svg></figure>";
}

std::vector<Point> thin(const std::vector<Point>& points, size_t limit) {
  if (points.size() <= limit || limit < 2) return points;
  const size_t buckets = limit / 2;
  std::vector<Point> kept;
  kept.reserve(limit + 2);
  for (size_t b = 0; b < buckets; ++b) {
    const size_t first = points.size() * b / buckets;
    const size_t last = points.size() * (b + 1) / buckets;
    size_t low = last;
    size_t high = last;
    for (size_t i = first; i < last; ++i) {
      if (!std::isfinite(points[i].y)) continue;
      if (low == last || points[i].y < points[low].y) low = i;
      if (high == last || points[i].y > points[high].y) high = i;
    }
    if (low == last) {
      kept.push_back(points[first]);
      continue;
    }
    kept.push_back(points[std::min(low, high)]);
    if (low != high) kept.push_back(points[std::max(low, high)]);
  }
  return kept;
}

std::vector<Point> smooth(const std::vector<Point>& points, double window) {
  const double keep = 1 - 1 / std::max(1.0, window);
  std::vector<Point> out;
  out.reserve(points.size());
  double sum = 0;
  double weight = 0;
  for (const Point& point : points) {
    if (!std::isfinite(point.y)) continue;
    sum = keep * sum + point.y;
    weight = keep * weight + 1;
    out.push_back({point.x, sum / weight});
  }
  return out;
}

}  // namespace graft::report
