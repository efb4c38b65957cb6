#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/report/scale.h"

/// Charts as inline SVG inside an HTML figure. Colours, fonts and the hover read-out come from the
/// page (style.h); without its script they are plain pictures.
namespace graft::report {

struct Point {
  double x;
  double y;
};

enum class Stroke { solid, faint, dashed, dotted };

/// A line; points that are not finite (or not positive on a log axis) leave a gap.
struct Series {
  std::string name;
  std::vector<Point> points;
  int color = 0;  ///< 0 .. 7, taken modulo 8
  Stroke stroke = Stroke::solid;
  bool dots = false;             ///< marks every point
  std::vector<Range> band = {};  ///< an interval a point, drawn as an area; or empty
  bool listed = true;            ///< named in the legend and the read-out
};

/// A vertical mark, for instance where a stage begins.
struct Border {
  double x;
  std::string label;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string note;  ///< said beside the title, for instance the unit
  Scale x_scale = Scale::linear;
  Scale y_scale = Scale::linear;
  std::optional<Range> x_range = {};  ///< so that charts above each other share an axis
  std::optional<Range> y_range = {};  ///< where the scale is known, else it follows the points
  std::vector<Series> series;
  std::vector<Border> borders;
};

/// The whole figure. A chart without a point says so.
std::string render(const LineChart& chart);

/// Keeps at most about `limit` points: the lowest and the highest of each bucket, in order, so that
/// spikes stay.
std::vector<Point> thin(const std::vector<Point>& points, size_t limit = 600);

/// Running mean whose memory is `window` points, without a start-up bias. Points that are not
/// finite are passed over.
std::vector<Point> smooth(const std::vector<Point>& points, double window);

}  // namespace graft::report
