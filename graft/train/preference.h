#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "graft/data/dataset.h"
#include "graft/eval/predictions.h"
#include "graft/nn/flow.h"
#include "graft/train/loss.h"

/// Preference tuning by DPO (Rafailov et al. 2023, arXiv:2305.18290): of each pair of answers the
/// chosen one becomes likelier than it was when the run began, the rejected one less likely.
namespace graft::train {

class Deadline;
class Reader;
struct Job;

/// Log-probabilities of the answers (sums over learned tokens) by the model that a run begins with:
/// of each split [n, 2] float32, the chosen answer first; NaN where nobody asked, undefined before
/// they were found.
struct Reference {
  at::Tensor train, validation, test;
};

/// Rewards of the chosen less those of the rejected answers, [B] float64, of "losses" [2 B] (or
/// [B, 2]) and the reference [B, 2]: beta ((log p_c - ref_c) - (log p_r - ref_r)).
at::Tensor reward_margins(const at::Tensor& losses, const at::Tensor& reference, double beta);

/// Of what a whole chain gave: the sum of -log sigmoid(margin); a pair weighs 1.
LossValue preference_loss(const nn::Flow& result, const at::Tensor& reference, double beta);

/// The reference [n, 2] of some samples of a view of job.data, on the model's device; it must have
/// been found.
at::Tensor reference_of(const Job& job, const data::View& view,
                        const std::vector<int64_t>& positions);

/// Finds the reference of some samples of a view of job.data with the model as it is now; false
/// where `deadline` did not allow them all.
bool find_reference(Job& job, Reader& reader, const data::View& view,
                    const std::vector<int64_t>& positions, const Deadline& deadline);

/// The reference of a run, of all samples that it may see. One that begins finds it before its
/// first update and writes it to `file` (nowhere when that is empty); one that goes on, whose
/// weights have moved, reads it there. A time budget that does not allow it is an error (exit code
/// 4), a file that is gone or of other data one, too (3).
void begin_reference(Job& job, Reader& reader, const Deadline& deadline,
                     const std::filesystem::path& file, bool goes_on);

/// Samples of a view of job.data by "texts" of their two answers, [n, 6] (models/token_output.h).
eval::Predictions preference_predictions(const Job& job, const data::View& view,
                                         const std::vector<int64_t>& positions,
                                         const at::Tensor& texts);

}  // namespace graft::train
