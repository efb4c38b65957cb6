#pragma once

#include <string>

#include "graft/train/batches.h"

namespace graft::train {

/// Finds the head on fixed features without steps and puts it into the model: "logistic" by L-BFGS
/// on the regularised (weighted) cross entropy, "ridge" by least squares on one-hot targets in
/// closed form, scaled afterwards so that its probabilities fit (of a regression: on the numbers,
/// and not scaled). The regularisation is `ridge` times powers of ten, chosen on the validation
/// split where there is one. Returns the number of training samples that it read: an epoch's
/// (Reader::first_pass), or those that `deadline` allowed.
int64_t solve_head(Job& job, Reader& reader, const std::string& solver, double ridge,
                   const Deadline& deadline);

}  // namespace graft::train
