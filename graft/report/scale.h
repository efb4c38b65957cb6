#pragma once

#include <string>
#include <vector>

namespace graft::report {

enum class Scale { linear, log };

struct Range {
  double low;
  double high;
};

struct Tick {
  double value;
  std::string label;
};

/// Round values (steps of 1, 2, 2.5 or 5 times a power of ten) inside the range, about `target` of
/// them, all labelled to the same precision: "0.75", "20k", "2e-4". None for a range that is empty
/// or not finite.
std::vector<Tick> linear_ticks(Range range, int target = 5);

/// Powers of ten inside the range, with their double and fivefold when it spans few decades; linear
/// ticks when it spans less than one. The range must be positive.
std::vector<Tick> log_ticks(Range range, int target = 5);

std::vector<Tick> ticks(Scale scale, Range range, int target = 5);

/// The range with some air around it, and never empty. A linear range that is not negative stays
/// so.
Range padded(Scale scale, Range range);

/// Where a value lies: 0 at the low end, 1 at the high end.
double position(Scale scale, Range range, double value);

}  // namespace graft::report
