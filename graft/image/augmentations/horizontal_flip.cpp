#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

class HorizontalFlip final : public Augment {
 public:
  explicit HorizontalFlip(double p) : p_(p) {}
  Image apply(Image image, Rng& rng, Dimensions) const override {
    return rng.chance(p_) ? hflip(std::move(image)) : image;
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
};

}  // namespace

AugmentRecord horizontal_flip_augment() {
  return {{"horizontal_flip",
           "exchange left and right",
           {detail::probability(0.5)},
           "torchvision v2.RandomHorizontalFlip"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<HorizontalFlip>(options.number("p"));
          }};
}

}  // namespace graft::image
