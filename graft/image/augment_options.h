#pragma once

#include <string>

#include "graft/base/options.h"
#include "graft/image/affine.h"
#include "graft/image/box_label.h"

/// Options that several augmentations share.
namespace graft::image::detail {

struct Range {
  double low = 0;
  double high = 0;
};

/// The list [low, high] of an option, both inside the bounds.
Range read_range(const Options& options, const std::string& name, double least, double most,
                 const std::string& where);
/// A number x as [middle - x, middle + x] cut at `least`, or a list [low, high] (torchvision's
/// convention).
Range read_spread(const Options& options, const std::string& name, double middle, double least,
                  double most, const std::string& where);

Option probability(double fallback);
/// "nearest" or "bilinear": how turned and sheared pictures are sampled.
Option sampling_option();
Filter read_sampling(const Options& options);
/// A grey level 0 to 255.
Option fill_option();
Colour read_fill(const Options& options);
/// "visible": how much of an object must be left where pictures with boxes are cut.
Option visible_option();
CutRule read_cut_rule(const Options& options);

}  // namespace graft::image::detail
