#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/color.h"

namespace graft::image {
namespace {

class Grayscale final : public Augment {
 public:
  explicit Grayscale(double p) : p_(p) {}
  Image apply(Image image, Rng& rng, Dimensions) const override {
    return rng.chance(p_) ? grayscale(std::move(image)) : image;
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
};

}  // namespace

AugmentRecord grayscale_augment() {
  return {{"grayscale",
           "take the colour away",
           {detail::probability(0.1)},
           "torchvision v2.RandomGrayscale"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<Grayscale>(options.number("p"));
          }};
}

}  // namespace graft::image
