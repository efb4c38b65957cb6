#pragma once

#include <string>
#include <vector>

#include "graft/report/run_folder.h"

namespace graft::report {

/// How far the stated probabilities can be trusted (reliability diagram and expected calibration
/// error over ten equal bins: Naeini et al. 2015; Guo et al. 2017).
struct Calibration {
  struct Bin {
    double probability;  ///< mean of the stated probabilities
    double correct;      ///< share that was right
    size_t count;
  };
  std::vector<Bin> bins;  ///< those that hold samples
  double error = 0;       ///< mean distance of the two, weighted by samples
  size_t count = 0;
};

/// Over the single-label predictions of a split.
Calibration measure_calibration(const RunFolder& run, const std::string& split);

/// A chart, empty below 30 samples.
std::string render(const Calibration& calibration);

}  // namespace graft::report
