#include "graft/image/auto_ops.h"

#include <cmath>

#include "graft/base/error.h"
#include "graft/image/color.h"

namespace graft::image {
namespace {

/// torch.linspace in single precision, which the reference takes its magnitudes from.
double linspace(double start, double end, int bin, int bins) {
  const auto first = static_cast<float>(start), last = static_cast<float>(end);
  const float step = (last - first) / static_cast<float>(bins - 1);
  return bin < bins / 2 ? first + step * static_cast<float>(bin)
                        : last - step * static_cast<float>(bins - 1 - bin);
}

}  // namespace

bool is_signed(AutoOp op) {
  return op >= AutoOp::shear_x && op <= AutoOp::sharpness;
}

double auto_magnitude(AutoOp op, AutoSpace space, int bin, int bins, int width, int height) {
  GRAFT_ASSERT(bins >= 2 && bin >= 0 && bin < bins);
  const bool wide = space == AutoSpace::trivial_augment_wide;
  const auto up_to = [&](double top) { return linspace(0, top, bin, bins); };
  switch (op) {
    case AutoOp::shear_x:
    case AutoOp::shear_y:
      return up_to(wide ? 0.99 : 0.3);
    case AutoOp::translate_x:
      return up_to(wide ? 32.0 : 150.0 / 331.0 * width);
    case AutoOp::translate_y:
      return up_to(wide ? 32.0 : 150.0 / 331.0 * height);
    case AutoOp::rotate:
      return up_to(wide ? 135.0 : 30.0);
    case AutoOp::brightness:
    case AutoOp::color:
    case AutoOp::contrast:
    case AutoOp::sharpness:
      return up_to(wide ? 0.99 : 0.9);
    case AutoOp::posterize: {
      const auto bins_per_bit = static_cast<float>((bins - 1) / (wide ? 6.0 : 4.0));
      return std::nearbyint(8.0f - static_cast<float>(bin) / bins_per_bit);
    }
    case AutoOp::solarize:
      return linspace(1, 0, bin, bins);
    case AutoOp::identity:
    case AutoOp::auto_contrast:
    case AutoOp::equalize:
      break;
  }
  return 0;
}

Image apply_auto_op(Image image, AutoOp op, double magnitude, Filter filter, const Colour& fill) {
  const auto transformed = [&](const AffineMatrix& matrix) {
    return affine(image, matrix, filter, fill);
  };
  switch (op) {
    case AutoOp::identity:
      return image;
    case AutoOp::shear_x:
      return transformed(shear_matrix(magnitude, 0));
    case AutoOp::shear_y:
      return transformed(shear_matrix(0, magnitude));
    case AutoOp::translate_x:
      return transformed(translate_matrix(static_cast<int>(magnitude), 0));
    case AutoOp::translate_y:
      return transformed(translate_matrix(0, static_cast<int>(magnitude)));
    case AutoOp::rotate:
      return image::rotate(image, magnitude, filter, fill);
    case AutoOp::brightness:
      return adjust_brightness(std::move(image), 1 + magnitude);
    case AutoOp::color:
      return adjust_saturation(std::move(image), 1 + magnitude);
    case AutoOp::contrast:
      return adjust_contrast(std::move(image), 1 + magnitude);
    case AutoOp::sharpness:
      return adjust_sharpness(image, 1 + magnitude);
    case AutoOp::posterize:
      return image::posterize(std::move(image), static_cast<int>(magnitude));
    case AutoOp::solarize:
      return image::solarize(std::move(image), 255 * magnitude);
    case AutoOp::auto_contrast:
      return autocontrast(std::move(image));
    case AutoOp::equalize:
      return image::equalize(std::move(image));
  }
  return image;
}

}  // namespace graft::image
