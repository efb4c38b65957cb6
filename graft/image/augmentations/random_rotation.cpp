#include "graft/image/augment.h"
#include "graft/image/augment_options.h"

namespace graft::image {
namespace {

using detail::Range;

class RandomRotation final : public Augment {
 public:
  RandomRotation(Range degrees, Filter filter, const Colour& fill)
      : degrees_(degrees), filter_(filter), fill_(fill) {}
  Image apply(Image image, Rng& rng, Dimensions) const override {
    return rotate(image, rng.uniform(degrees_.low, degrees_.high), filter_, fill_);
  }
  bool changes() const override { return degrees_.low != 0 || degrees_.high != 0; }

 private:
  Range degrees_;
  Filter filter_;
  Colour fill_;
};

}  // namespace

AugmentRecord random_rotation_augment() {
  return {{"random_rotation",
           "turn the picture around its centre",
           {any("degrees", 15, "a number d for [-d, d], or [low, high]"), detail::sampling_option(),
            detail::fill_option()},
           "torchvision v2.RandomRotation"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomRotation>(
                detail::read_spread(options, "degrees", 0, -360, 360, where),
                detail::read_sampling(options), detail::read_fill(options));
          }};
}

}  // namespace graft::image
