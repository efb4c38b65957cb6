#include "graft/report/calibration.h"

#include <array>
#include <cmath>

#include "graft/report/chart.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

constexpr size_t kBins = 10;
constexpr size_t kFewest = 30;

}  // namespace

Calibration measure_calibration(const RunFolder& run, const std::string& split) {
  struct Sums {
    double probability = 0, correct = 0;
    size_t count = 0;
  };
  std::array<Sums, kBins> sums;
  Calibration calibration;
  for (const Prediction& sample : run.predictions) {
    const double p = sample.probability;
    if (sample.split != split || sample.label.size() != 1 || !(p >= 0 && p <= 1)) continue;
    Sums& bin = sums[std::min(kBins - 1, static_cast<size_t>(p * kBins))];
    bin.probability += p;
    bin.correct += sample.correct() ? 1 : 0;
    ++bin.count;
    ++calibration.count;
  }
  for (const Sums& bin : sums) {
    if (bin.count == 0) continue;
    const auto n = static_cast<double>(bin.count);
    calibration.bins.push_back({bin.probability / n, bin.correct / n, bin.count});
    calibration.error +=
        std::abs(bin.probability - bin.correct) / static_cast<double>(calibration.count);
  }
  return calibration;
}

std::string render(const Calibration& calibration) {
  if (calibration.count < kFewest) return "";
  LineChart chart;
  chart.title = "Can its probabilities be trusted?";
  chart.note = "expected calibration error " + show_fixed(calibration.error);
  chart.x_label = "stated probability";
  Series ideal{.name = "perfectly calibrated", .points = {{0, 0}, {1, 1}}, .color = 7};
  ideal.stroke = Stroke::dashed;
  Series found{.name = "share that was right", .points = {}, .color = 0};
  found.dots = true;
  for (const auto& bin : calibration.bins) found.points.push_back({bin.probability, bin.correct});
  chart.series = {ideal, found};
  return render(chart);
}

}  // namespace graft::report
