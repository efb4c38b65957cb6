#include <algorithm>
#include <cmath>

#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/letterbox.h"

namespace graft::image {
namespace {

/// Cuts objects out of another scene by their boxes and pastes them where they hide little of what
/// is there.
class CopyPaste final : public BoxAugment {
 public:
  CopyPaste(double probability, int most, float hidden)
      : probability_(probability), most_(most), hidden_(hidden) {}

  Scene apply(Scene scene, Rng& rng, Dimensions, const DrawScene& draw) const override {
    if (!rng.chance(probability_)) return scene;
    const Scene other = draw(rng);
    std::vector<BoxLabel> objects;
    for (const BoxLabel& one : other.boxes) {
      if (!one.crowd) objects.push_back(one);
    }
    rng.shuffle(objects);
    const auto count = std::min<size_t>(objects.size(), static_cast<size_t>(rng.integer(1, most_)));
    for (size_t i = 0; i < count; ++i) add(objects[i], other.image, rng, scene);
    return scene;
  }
  int scenes() const override { return probability_ > 0 ? 2 : 1; }
  bool changes() const override { return probability_ > 0; }

 private:
  static constexpr int kTrials = 10;

  void add(BoxLabel object, const Image& from, Rng& rng, Scene& scene) const {
    // Whole pixels: borders between them would blend in what is beside the object.
    const Rect part = {static_cast<int>(std::floor(object.box.x0)),
                       static_cast<int>(std::floor(object.box.y0)),
                       static_cast<int>(std::ceil(object.box.x1) - std::floor(object.box.x0)),
                       static_cast<int>(std::ceil(object.box.y1) - std::floor(object.box.y0))};
    const bool inside = part.x >= 0 && part.y >= 0 && part.width > 0 && part.height > 0 &&
                        part.x + part.width <= from.width && part.y + part.height <= from.height;
    if (!inside || part.width > scene.image.width || part.height > scene.image.height) return;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto x = static_cast<int>(rng.integer(0, scene.image.width - part.width));
      const auto y = static_cast<int>(rng.integer(0, scene.image.height - part.height));
      const Box covered{static_cast<float>(x), static_cast<float>(y),
                        static_cast<float>(x + part.width), static_cast<float>(y + part.height)};
      if (hides(scene, covered)) continue;
      paste(crop(from, part), scene.image, x, y);
      object.box =
          moved(object.box, 1, 1, static_cast<float>(x - part.x), static_cast<float>(y - part.y));
      scene.boxes.push_back(object);
      return;
    }
  }

  bool hides(const Scene& scene, const Box& covered) const {
    return std::any_of(scene.boxes.begin(), scene.boxes.end(), [&](const BoxLabel& one) {
      return intersection(one.box, covered).area() > hidden_ * one.box.area();
    });
  }

  double probability_;
  int most_;
  float hidden_;
};

}  // namespace

BoxAugmentRecord copy_paste_box_augment() {
  return {{"copy_paste",
           "paste objects of another picture, cut out by their boxes",
           {detail::probability(0.5),
            integer("objects", 3, "most objects that are pasted").between(1, 100),
            number("hidden", 0.3, "share of an object that may be covered").between(0, 1)},
           "Dwibedi et al. 2017; Ghiasi et al. 2021 (by masks)"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
            return std::make_unique<CopyPaste>(options.number("p"),
                                               static_cast<int>(options.integer("objects")),
                                               static_cast<float>(options.number("hidden")));
          }};
}

}  // namespace graft::image
