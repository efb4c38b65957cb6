#pragma once

#include <memory>

#include "graft/models/detr/set_loss.h"

namespace graft::models {

/// Scores of each query's best class by the rule's softmax or, with several classes a query, of all
/// of them by its sigmoids. The end of the chain has "logits" [B, Q, …] and "boxes" [B, Q, 4]
/// (set_match.h) and, where layers below are learned as well, theirs as "auxiliary_logits" [B, L,
/// Q, …] and "auxiliary_boxes" [B, L, Q, 4]. A preprocessing whose pictures have no common size is
/// an error (exit code 2).
std::unique_ptr<Detector> make_set_detector(const Model& model, const SetLossRule& rule);

}  // namespace graft::models
