#include <algorithm>
#include <array>
#include <optional>

#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

/// SSD's crops: one that overlaps some object at least so much, or any, or the whole picture.
class IouCrop final : public BoxAugment {
 public:
  IouCrop(double probability, float smallest) : probability_(probability), smallest_(smallest) {}

  Scene apply(Scene scene, Rng& rng, Dimensions, const DrawScene&) const override {
    if (scene.boxes.empty() || !rng.chance(probability_)) return scene;
    const auto window = draw(scene, rng);
    if (!window) return scene;
    const Box shown{static_cast<float>(window->x), static_cast<float>(window->y),
                    static_cast<float>(window->x + window->width),
                    static_cast<float>(window->y + window->height)};
    std::erase_if(scene.boxes,
                  [&](const BoxLabel& one) { return !one.crowd && !centred(one.box, shown); });
    cut_boxes(scene.boxes, shown, {0, 1});
    move_boxes(scene.boxes, 1, 1, -shown.x0, -shown.y0);
    return {crop(scene.image, *window), std::move(scene.boxes)};
  }
  bool changes() const override { return probability_ > 0; }

 private:
  static constexpr int kTrials = 50;
  static constexpr float kMostLengthened = 2;  // longer side by shorter
  static constexpr std::array<float, 7> kLeastOverlaps = {0, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F, 1};

  static bool centred(const Box& box, const Box& window) {
    const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
    return x >= window.x0 && x < window.x1 && y >= window.y0 && y < window.y1;
  }

  /// Whether an object whose centre is inside overlaps the window so much.
  static bool holds(const Scene& scene, const Box& window, float least) {
    return std::any_of(scene.boxes.begin(), scene.boxes.end(), [&](const BoxLabel& one) {
      return !one.crowd && centred(one.box, window) && iou(one.box, window) >= least;
    });
  }

  /// Nothing where the whole picture was drawn, or no trial fits.
  std::optional<Rect> draw(const Scene& scene, Rng& rng) const {
    const float least = kLeastOverlaps[rng.below(kLeastOverlaps.size())];
    if (least >= 1) return std::nullopt;
    for (int trial = 0; trial < kTrials; ++trial) {
      const int width = side(scene.image.width, rng), height = side(scene.image.height, rng);
      if (static_cast<float>(std::max(width, height)) >
          kMostLengthened * static_cast<float>(std::min(width, height))) {
        continue;
      }
      const auto x = static_cast<int>(rng.integer(0, scene.image.width - width));
      const auto y = static_cast<int>(rng.integer(0, scene.image.height - height));
      const Box window{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width),
                       static_cast<float>(y + height)};
      if (holds(scene, window, least)) return Rect{x, y, width, height};
    }
    return std::nullopt;
  }

  int side(int whole, Rng& rng) const {
    const double share = rng.uniform(static_cast<double>(smallest_), 1.0);
    return std::max(1, static_cast<int>(share * whole));
  }

  double probability_;
  float smallest_;
};

}  // namespace

BoxAugmentRecord iou_crop_box_augment() {
  return {{"iou_crop",
           "cut out a part that overlaps some object by at least 0, 0.1, 0.3, 0.5, 0.7 or 0.9; "
           "objects whose centre is outside go",
           {detail::probability(1),
            number("smallest", 0.3, "least share of a side that stays").between(0.05, 1)},
           "Liu et al. 2016 (SSD); torchvision v2.RandomIoUCrop"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
            return std::make_unique<IouCrop>(options.number("p"),
                                             static_cast<float>(options.number("smallest")));
          }};
}

}  // namespace graft::image
