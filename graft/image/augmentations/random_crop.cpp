#include <algorithm>
#include <cstring>

#include "graft/image/augment.h"
#include "graft/image/augment_options.h"

namespace graft::image {
namespace {

/// The pixel of [0, size) that stands at `position` of the padded line, or -1 for none.
using Continue = int (*)(int position, int size);

int constant(int position, int size) {
  return position >= 0 && position < size ? position : -1;
}
int edge(int position, int size) {
  return std::clamp(position, 0, size - 1);
}
int symmetric(int position, int size) {
  const int period = 2 * size;
  position = (position % period + period) % period;
  return position < size ? position : period - 1 - position;
}
int reflect(int position, int size) {
  if (size == 1) return 0;
  const int period = 2 * size - 2;
  position = (position % period + period) % period;
  return position < size ? position : period - position;
}

class RandomCrop final : public Augment {
 public:
  RandomCrop(int padding, Continue beyond, uint8_t fill)
      : padding_(padding), beyond_(beyond), fill_(fill) {}

  Image apply(Image image, Rng& rng, Dimensions out) const override {
    const int y = start(image.height, out.height, rng);
    const int x = start(image.width, out.width, rng);
    Image result(out.width, out.height, fill_);
    for (int row = 0; row < out.height; ++row) {
      const int from_y = beyond_(y + row, image.height);
      if (from_y < 0) continue;
      for (int column = 0; column < out.width; ++column) {
        const int from_x = beyond_(x + column, image.width);
        if (from_x >= 0) std::memcpy(result.at(column, row), image.at(from_x, from_y), 3);
      }
    }
    return result;
  }

 private:
  /// Where the crop begins, in pixels of the picture. Pictures that are too small even with their
  /// padding are padded further, by what they lack on each side.
  int start(int have, int want, Rng& rng) const {
    int padding = padding_;
    if (have + 2 * padding < want) padding += want - have - 2 * padding;
    return static_cast<int>(rng.integer(0, have + 2 * padding - want)) - padding;
  }

  int padding_;
  Continue beyond_;
  uint8_t fill_;
};

Continue continuation(const std::string& mode) {
  if (mode == "edge") return edge;
  if (mode == "reflect") return reflect;
  if (mode == "symmetric") return symmetric;
  return constant;
}

}  // namespace

AugmentRecord random_crop_augment() {
  return {{"random_crop",
           "pad the picture and cut the network's input out at a random place",
           {integer("padding", 4, "pixels added on each side").between(0, 4096),
            text("padding_mode", "constant", "what the padding shows")
                .one_of({"constant", "edge", "reflect", "symmetric"}),
            detail::fill_option()},
           "He et al. 2016 (padding 4 on 32 x 32); torchvision v2.RandomCrop with pad_if_needed"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomCrop>(static_cast<int>(options.integer("padding")),
                                                continuation(options.text("padding_mode")),
                                                static_cast<uint8_t>(options.integer("fill")));
          }};
}

}  // namespace graft::image
