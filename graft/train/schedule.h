#pragma once

#include <string>

namespace graft::train {

/// Factor on the peak learning rate at `progress` in [0, 1] of the budget: rises linearly over
/// `warmup`, then stays (constant), falls to zero linearly (Li et al. 2020, arXiv:1905.04753) or
/// along a cosine (Loshchilov and Hutter 2017). one-cycle (Smith and Topin 2017) starts at 1/25,
/// peaks at 30 % of the budget and ends near zero, along cosines.
double schedule_factor(const std::string& kind, double progress, double warmup);

}  // namespace graft::train
