#include <algorithm>
#include <cmath>

#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

using detail::Range;

class RandomResizedCrop final : public Augment {
 public:
  RandomResizedCrop(Range scale, Range ratio, Filter filter)
      : scale_(scale), ratio_(ratio), filter_(filter) {}

  Image apply(Image image, Rng& rng, Dimensions out) const override {
    return resize_crop(image, draw({image.width, image.height}, rng), out.width, out.height,
                       filter_);
  }
  bool sets_size() const override { return true; }

 private:
  Rect draw(Dimensions size, Rng& rng) const {
    const double area = static_cast<double>(size.width) * size.height;
    constexpr int kTries = 10;
    for (int i = 0; i < kTries; ++i) {
      const double target = area * rng.uniform(scale_.low, scale_.high);
      const double aspect = std::exp(rng.uniform(std::log(ratio_.low), std::log(ratio_.high)));
      const double width = std::nearbyint(std::sqrt(target * aspect));
      const double height = std::nearbyint(std::sqrt(target / aspect));
      if (!(width > 0 && width <= size.width && height > 0 && height <= size.height)) continue;
      Rect box{0, 0, static_cast<int>(width), static_cast<int>(height)};
      box.y = static_cast<int>(rng.integer(0, size.height - box.height));
      box.x = static_cast<int>(rng.integer(0, size.width - box.width));
      return box;
    }
    return central(size);
  }

  /// The largest box in the middle whose proportions are allowed.
  Rect central(Dimensions size) const {
    const double aspect = static_cast<double>(size.width) / size.height;
    int width = size.width, height = size.height;
    if (aspect < ratio_.low)
      height = std::max(1, static_cast<int>(std::nearbyint(width / ratio_.low)));
    if (aspect > ratio_.high)
      width = std::max(1, static_cast<int>(std::nearbyint(height * ratio_.high)));
    return {(size.width - width) / 2, (size.height - height) / 2, width, height};
  }

  Range scale_, ratio_;
  Filter filter_;
};

}  // namespace

AugmentRecord random_resized_crop_augment() {
  return {{"random_resized_crop",
           "cut a random part out and resize it to the network's input",
           {list("scale", {0.08, 1.0}, "smallest and largest share of the area"),
            list("ratio", {3.0 / 4, 4.0 / 3}, "smallest and largest width / height"),
            text("interpolation", "bilinear", "filter")
                .one_of({"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"})},
           "Szegedy et al. 2015; torchvision v2.RandomResizedCrop"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomResizedCrop>(
                detail::read_range(options, "scale", 1e-6, 1, where),
                detail::read_range(options, "ratio", 1e-3, 1e3, where),
                filter_from_name(options.text("interpolation")).value());
          }};
}

}  // namespace graft::image
