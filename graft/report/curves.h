#pragma once

#include <string>
#include <vector>

#include "graft/report/chart.h"
#include "graft/report/run_folder.h"

namespace graft::report {

/// What the horizontal axis of a curve shows.
enum class Along { steps, time };

/// One field of the step events.
std::vector<Point> step_points(const RunLog& log, double StepEvent::* field,
                               Along along = Along::steps);
/// A metric (or "loss") of the evaluations of a split, with its intervals where there are any.
Series eval_series(const RunLog& log, const std::string& split, const std::string& metric,
                   Along along = Along::steps);
/// The training loss, smoothed over about a fiftieth of the run and thinned for drawing.
std::vector<Point> smooth_loss(const RunLog& log, Along along = Along::steps);
/// Logarithmic when the values are positive and span more than a factor of 50.
Scale scale_for(const std::vector<Series>& series);

/// Loss, learning rate, metric, memory and gradient norm of one run, with stage borders.
std::string training_charts(const RunFolder& run);

}  // namespace graft::report
