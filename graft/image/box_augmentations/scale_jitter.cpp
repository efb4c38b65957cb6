#include <algorithm>
#include <cmath>

#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/letterbox.h"

namespace graft::image {
namespace {

using detail::Range;

/// Fits the picture into the frame as a letterbox does, larger or smaller by a random factor, and
/// lays it at a random place: what is larger is cut, around what is smaller is grey.
class ScaleJitter final : public BoxAugment {
 public:
  ScaleJitter(Range scale, CutRule rule) : scale_(scale), rule_(rule) {}

  Scene apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene&) const override {
    const int old_width = scene.image.width, old_height = scene.image.height;
    const Rect fit = Letterbox({old_width, old_height}, frame).place();
    const double scale = rng.uniform(scale_.low, scale_.high);
    const int width = side(fit.width * scale), height = side(fit.height * scale);
    const int x = offset(width, frame.width, rng), y = offset(height, frame.height, rng);

    // Only what the frame shows is computed.
    const Rect shown{std::max(0, -x), std::max(0, -y),
                     std::min(width, frame.width - x) - std::max(0, -x),
                     std::min(height, frame.height - y) - std::max(0, -y)};
    Image image = plain(frame, {Letterbox::kGrey, Letterbox::kGrey, Letterbox::kGrey});
    paste(resize_window(scene.image, width, height, Filter::bilinear, shown), image, x + shown.x,
          y + shown.y);
    move_boxes(scene.boxes, static_cast<float>(width) / static_cast<float>(old_width),
               static_cast<float>(height) / static_cast<float>(old_height), static_cast<float>(x),
               static_cast<float>(y));
    cut_boxes(scene.boxes,
              {0, 0, static_cast<float>(frame.width), static_cast<float>(frame.height)}, rule_);
    return {std::move(image), std::move(scene.boxes)};
  }

 private:
  static int side(double length) {
    return std::clamp(static_cast<int>(std::lround(length)), 1, kMaxSide);
  }
  /// From where it touches one border to where it touches the other.
  static int offset(int have, int want, Rng& rng) {
    return static_cast<int>(rng.integer(std::min(0, want - have), std::max(0, want - have)));
  }

  Range scale_;
  CutRule rule_;
};

}  // namespace

BoxAugmentRecord scale_jitter_box_augment() {
  return {
      {"scale_jitter",
       "scale the picture by a random factor and lay it at a random place of the input",
       {any("scale", Json{0.5, 1.5}, "[low, high], as shares of the size that just fits"),
        detail::visible_option()},
       "Ghiasi et al. 2021 (large scale jittering is [0.1, 2])"},
      [](const Options& options, const std::string& where) -> std::unique_ptr<const BoxAugment> {
        return std::make_unique<ScaleJitter>(detail::read_range(options, "scale", 0.05, 8, where),
                                             detail::read_cut_rule(options));
      }};
}

}  // namespace graft::image
