#include <algorithm>
#include <array>

#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/letterbox.h"

namespace graft::image {
namespace {

/// Four scenes around a random point of the frame, each scaled to fit the frame and cut where it
/// leaves its quarter.
class Mosaic final : public BoxAugment {
 public:
  Mosaic(double probability, double margin, CutRule rule)
      : probability_(probability), margin_(margin), rule_(rule) {}

  Scene apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene& draw) const override {
    if (!rng.chance(probability_)) return scene;
    const int x = middle(frame.width, rng), y = middle(frame.height, rng);
    const std::array<Rect, 4> quarters = {{{0, 0, x, y},
                                           {x, 0, frame.width - x, y},
                                           {0, y, x, frame.height - y},
                                           {x, y, frame.width - x, frame.height - y}}};
    Scene result{plain(frame, {Letterbox::kGrey, Letterbox::kGrey, Letterbox::kGrey}), {}};
    for (size_t i = 0; i < quarters.size(); ++i)
      place(i == 0 ? std::move(scene) : draw(rng), quarters[i], i, frame, result);
    return result;
  }
  int scenes() const override { return probability_ > 0 ? 4 : 1; }
  bool changes() const override { return probability_ > 0; }

 private:
  int middle(int side, Rng& rng) const {
    return std::clamp(static_cast<int>(rng.uniform(margin_, 1 - margin_) * side), 1,
                      std::max(1, side - 1));
  }

  /// The corner of the scene that is nearest to the point lies at it.
  void place(Scene scene, const Rect& quarter, size_t which, Dimensions frame,
             Scene& result) const {
    if (quarter.width <= 0 || quarter.height <= 0) return;
    const Letterbox fit({scene.image.width, scene.image.height}, frame);
    const int width = fit.place().width, height = fit.place().height;
    const bool left = which % 2 == 0, above = which < 2;
    const int x = left ? quarter.width - width : quarter.x;
    const int y = above ? quarter.height - height : quarter.y;
    const Rect shown{left ? std::max(0, -x) : 0, above ? std::max(0, -y) : 0,
                     std::min(width, quarter.width), std::min(height, quarter.height)};
    paste(resize_window(scene.image, width, height, Filter::bilinear, shown), result.image,
          x + shown.x, y + shown.y);
    move_boxes(scene.boxes, fit.scale_x(), fit.scale_y(), static_cast<float>(x),
               static_cast<float>(y));
    cut_boxes(scene.boxes,
              {static_cast<float>(quarter.x), static_cast<float>(quarter.y),
               static_cast<float>(quarter.x + quarter.width),
               static_cast<float>(quarter.y + quarter.height)},
              rule_);
    result.boxes.insert(result.boxes.end(), scene.boxes.begin(), scene.boxes.end());
  }

  double probability_;
  double margin_;
  CutRule rule_;
};

}  // namespace

BoxAugmentRecord mosaic_box_augment() {
  return {
      {"mosaic",
       "four pictures around a random point",
       {detail::probability(1),
        number("margin", 0.25, "how near to the border the point may lie, as a share of the side")
            .between(0, 0.5),
        detail::visible_option()},
       "Bochkovskiy et al. 2020 (YOLOv4)"},
      [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
        return std::make_unique<Mosaic>(options.number("p"), options.number("margin"),
                                        detail::read_cut_rule(options));
      }};
}

}  // namespace graft::image
