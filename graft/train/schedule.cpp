#include "graft/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace graft::train {
namespace {

double cosine(double from, double to, double t) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * t)) / 2;
}

}  // namespace

double schedule_factor(const std::string& kind, double progress, double warmup) {
  const double p = std::clamp(progress, 0.0, 1.0);
  if (kind == "one-cycle") {
    constexpr double kPeak = 0.3;
    return p < kPeak ? cosine(1.0 / 25, 1, p / kPeak) : cosine(1, 1e-4, (p - kPeak) / (1 - kPeak));
  }
  if (p < warmup) return p / warmup;
  const double rest = warmup < 1 ? (p - warmup) / (1 - warmup) : 1;
  if (kind == "cosine") return cosine(1, 0, rest);
  if (kind == "linear") return 1 - rest;
  return 1;
}

}  // namespace graft::train
