#pragma once

#include <ATen/core/Tensor.h>

#include "graft/nn/activation.h"

/// What a decoder layer does beside its products, each a single pass over memory and one node of
/// the graph that keeps its inputs only. On the CPU in float32 and bfloat16 (computed in float32);
/// other devices and types take LibTorch's operators. Results do not depend on the number of
/// threads.
namespace graft::nn {

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich 2019);
/// `plus_one`: times 1 + weight.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, bool plus_one);

/// activation(gate) * up (Shazeer 2020, arXiv:2002.05202); both [T, n], rows may be strided.
at::Tensor gated(Activation activation, const at::Tensor& gate, const at::Tensor& up);

/// The heads of x [T, heads width] rotated (Su et al. 2021): of the first 2 r numbers of each head,
/// i turns against i + r by the angle whose cosine and sine [T, r] are given.
at::Tensor rotate_heads(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine,
                        int64_t width);

/// Cross-entropy of logits [T, V], which has_cpu_loops and rows of which are neighbours, with
/// targets [T] int64: `losses` [T] float32 and `hits` [T] bool (token_loss.h) are written. Where
/// `gradients` the logits turn into theirs, times `scale` [T] float32 where that is defined. No
/// node of the graph.
void cross_entropy_in_place(const at::Tensor& logits, const at::Tensor& targets,
                            const at::Tensor& losses, const at::Tensor& hits, bool gradients,
                            const at::Tensor& scale);

}  // namespace graft::nn
