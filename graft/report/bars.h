#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace graft::report {

/// A horizontal bar, with a whisker where an interval is known.
struct Bar {
  std::string label;
  double value;
  std::string text;  ///< the value as people read it
  std::optional<double> low;
  std::optional<double> high;
  int color = 0;  ///< 0 .. 7, taken modulo 8
};

struct BarChart {
  std::string title;
  std::string note;
  std::vector<Bar> bars;
  /// The value that fills the whole width; the largest bar or whisker when absent.
  std::optional<double> full;
};

/// A figure of HTML bars, so that its text keeps its size on small screens. Zero is always part of
/// the scale; bars whose value is not finite show only their text.
std::string render(const BarChart& chart);

/// How far something got: "6 min 40 s of 10 min 00 s", with a bar. A share over 1 is marked.
std::string meter(const std::string& label, double share, const std::string& text);

}  // namespace graft::report
