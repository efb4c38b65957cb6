#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

class VerticalFlip final : public Augment {
 public:
  explicit VerticalFlip(double p) : p_(p) {}
  Image apply(Image image, Rng& rng, Dimensions) const override {
    return rng.chance(p_) ? vflip(std::move(image)) : image;
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
};

}  // namespace

AugmentRecord vertical_flip_augment() {
  return {{"vertical_flip",
           "exchange top and bottom",
           {detail::probability(0.5)},
           "torchvision v2.RandomVerticalFlip"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<VerticalFlip>(options.number("p"));
          }};
}

}  // namespace graft::image
