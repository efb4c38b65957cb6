#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "graft/image/codec.h"
#include "graft/models/detr/set_match.h"
#include "graft/models/rt_detr/settings.h"
#include "graft/nn/context.h"

namespace graft::models::rtdetr {

/// Of all pictures, the most that one has.
int64_t most_objects(const SetTruth& truth);

/// Objects that are there, with noise in their boxes and classes, for the decoder to tell what they
/// were (Li et al. 2022, DN-DETR, arXiv:2203.01305; near ones and far ones, DINO, Zhang et al.
/// 2022, arXiv:2203.03605). A picture has D of them: groups of 2 M, M being the most objects that a
/// picture of the batch has; the first M of a group are its objects, near enough to be found, the
/// others too far away. Places of pictures with fewer objects hold the class that stands for none.
struct Noised {
  at::Tensor labels;      ///< [B, D] int64; the number of classes stands for none
  at::Tensor references;  ///< [B, D, 4] float32: logits of centre x and y, width and height
  int64_t group = 0;      ///< 2 M
};

/// `objects` [B, M', 5] are boxes in pixels of an input of that size, and classes; -1 is none. Of
/// these the ones that set_match.h's SetTruth keeps are taken, in this order. Noise comes from the
/// context's generator, in this order: which labels change, to what, signs of the corners' shifts,
/// their sizes. Nothing where no picture has an object, or `settings` want none.
std::optional<Noised> noised_objects(const at::Tensor& objects, image::Dimensions input,
                                     int64_t classes, const Settings& settings,
                                     const nn::Context& context);

/// What is added to the scores of self-attention over `noised` and then `queries` queries: nobody
/// sees other groups, and queries see no object with noise. [all, all] of `like`'s type.
at::Tensor noise_mask(int64_t noised, int64_t group, int64_t queries, const at::Tensor& like);

/// Logits of numbers from 0 to 1, which at the ends are kept `eps` away from them.
at::Tensor inverse_sigmoid(const at::Tensor& x);

}  // namespace graft::models::rtdetr
