#pragma once

#include "graft/nn/flow.h"

namespace graft::data {

/// Texts of a batch that begin alike (the words before every instruction, a system message, the
/// prompt of two answers) are computed once up to where they part: what a causal model makes of a
/// token depends on nothing behind it, so losses are the same, and gradients add up to the same
/// (Wang and Hegde 2024, arXiv:2410.20305, for pairs of answers; here texts form a tree).
///
/// `flow` has "ids" [T], "lengths" [B] and "targets" [T], on the CPU. Up to the first token that
/// learns something, a text may share; at least its last token it has for itself. The result's
/// sequences are the pieces of the tree, shared ones first, then one that ends each text, in their
/// order (models/text_tower.h). Where hardly anything would be saved, the flow comes back as it is.
nn::Flow share_prefixes(const nn::Flow& flow);

}  // namespace graft::data
