#pragma once

#include "graft/report/run_folder.h"

namespace graft::report {

/// The numbers of a run side by side, from the summary and, where that does not say (yet), from the
/// log. NaN: not known. Shares ("saved") are 1 - ours / full; negative when this run cost more.
struct Outcome {
  double loss;
  double trainable, parameters;
  double steps, epochs, samples;
  double wall_s, cpu_s, train_s, step_s;
  double peak_tensor_bytes, peak_rss_bytes;
  double flops, per_s;
  double full_flops, full_train_s, full_peak_tensor_bytes;
  double saved_flops, saved_train_s, saved_memory, saved_samples, saved_updates;
};
Outcome outcome(const RunFolder& run);

/// What the plan promised.
struct Promise {
  double step_s, train_s, peak_tensor_bytes, rss_bytes;
};
Promise promise(const RunFolder& run);

/// The headline's name with its split: "accuracy (test)".
std::string headline_title(const Headline& headline);

}  // namespace graft::report
