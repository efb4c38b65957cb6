#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "graft/models/detector.h"

/// Which boxes of a network are to find which objects, and which of them are learned from (Ren et
/// al. 2015, arXiv:1506.01497).
namespace graft::models {

/// The objects of one picture.
struct Objects {
  at::Tensor boxes;   ///< float32 [M, 4]: x0, y0, x1, y1
  at::Tensor labels;  ///< int64 [M]
  int64_t size() const { return boxes.size(0); }
};

Objects objects_of(const std::vector<Truth>& truth, const at::Device& device);

/// Picture by picture those of a batch that travels along a chain, "objects" [B, M, 5], as
/// usable_truth leaves them (box_truth.h).
std::vector<Objects> objects_of(const at::Tensor& batch, image::Dimensions input, int64_t classes);

/// From which overlap (intersection over union) on a box is an object, and below which it is none.
struct MatchSettings {
  double object = 0.5, nothing = 0.5;
  bool each = false;  ///< an object that overlaps no box so much still gets the box that is nearest
};

inline constexpr int64_t kNothing = -1;    ///< a box without an object
inline constexpr int64_t kUndecided = -2;  ///< a box that is neither

/// Of each of `boxes` [N, 4] the number of its object, or kNothing, or kUndecided: int64 [N].
at::Tensor match_boxes(const Objects& objects, const at::Tensor& boxes,
                       const MatchSettings& settings);

/// How many boxes of a picture are learned from.
struct DrawSettings {
  int64_t count = 256;
  double positive = 0.5;  ///< the largest share of boxes with an object
};

/// Draws by chance among boxes with an object and, for the rest, among those without; the same
/// boxes as torchvision draws with an equal generator. `matches` [N] as match_boxes gives them.
/// Where all fit, all are taken: bool [N].
at::Tensor draw_boxes(const at::Tensor& matches, const DrawSettings& settings,
                      const std::optional<at::Generator>& generator);

/// A generator that always begins alike: of draws that must not differ from time to time.
at::Generator settled_generator();

}  // namespace graft::models
