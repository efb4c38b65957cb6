#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/auto_ops.h"

namespace graft::image {
namespace {

class TrivialAugmentWide final : public Augment {
 public:
  TrivialAugmentWide(int bins, Filter filter, const Colour& fill)
      : bins_(bins), filter_(filter), fill_(fill) {}

  Image apply(Image image, Rng& rng, Dimensions) const override {
    const auto op = static_cast<AutoOp>(rng.below(kAutoOpCount));
    const int bin = static_cast<int>(rng.below(static_cast<uint64_t>(bins_)));
    double magnitude =
        auto_magnitude(op, AutoSpace::trivial_augment_wide, bin, bins_, image.width, image.height);
    if (is_signed(op) && rng.chance(0.5)) magnitude = -magnitude;
    return apply_auto_op(std::move(image), op, magnitude, filter_, fill_);
  }

 private:
  int bins_;
  Filter filter_;
  Colour fill_;
};

}  // namespace

AugmentRecord trivial_augment_wide_augment() {
  return {{"trivial_augment_wide",
           "one of 14 operations at a random magnitude",
           {integer("num_magnitude_bins", 31, "bins").between(2, 1000), detail::sampling_option(),
            detail::fill_option()},
           "Müller and Hutter 2021; torchvision v2.TrivialAugmentWide"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<TrivialAugmentWide>(
                static_cast<int>(options.integer("num_magnitude_bins")),
                detail::read_sampling(options), detail::read_fill(options));
          }};
}

}  // namespace graft::image
