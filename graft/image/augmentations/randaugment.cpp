#include "graft/base/error.h"
#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/auto_ops.h"

namespace graft::image {
namespace {

class RandAugment final : public Augment {
 public:
  RandAugment(int ops, int magnitude, int bins, Filter filter, const Colour& fill)
      : ops_(ops), magnitude_(magnitude), bins_(bins), filter_(filter), fill_(fill) {}

  Image apply(Image image, Rng& rng, Dimensions) const override {
    const int width = image.width, height = image.height;
    for (int i = 0; i < ops_; ++i) {
      const auto op = static_cast<AutoOp>(rng.below(kAutoOpCount));
      double magnitude =
          auto_magnitude(op, AutoSpace::rand_augment, magnitude_, bins_, width, height);
      if (is_signed(op) && rng.chance(0.5)) magnitude = -magnitude;
      image = apply_auto_op(std::move(image), op, magnitude, filter_, fill_);
    }
    return image;
  }
  bool changes() const override { return ops_ > 0; }

 private:
  int ops_, magnitude_, bins_;
  Filter filter_;
  Colour fill_;
};

}  // namespace

AugmentRecord randaugment_augment() {
  return {{"randaugment",
           "some of 14 operations, all at one magnitude",
           {integer("num_ops", 2, "operations a picture").between(0, 14),
            integer("magnitude", 9, "bin of the magnitude").at_least(0),
            integer("num_magnitude_bins", 31, "bins").between(2, 1000), detail::sampling_option(),
            detail::fill_option()},
           "Cubuk et al. 2020; torchvision v2.RandAugment"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            const int64_t bins = options.integer("num_magnitude_bins");
            const int64_t magnitude = options.integer("magnitude");
            if (magnitude >= bins) {
              fail_usage("{}: magnitude must be below num_magnitude_bins ({}), got {}", where, bins,
                         magnitude);
            }
            return std::make_unique<RandAugment>(
                static_cast<int>(options.integer("num_ops")), static_cast<int>(magnitude),
                static_cast<int>(bins), detail::read_sampling(options), detail::read_fill(options));
          }};
}

}  // namespace graft::image
