#include "graft/image/resize.h"

#include <algorithm>
#include <cstring>

#include "graft/base/error.h"
#include "graft/image/resample_kernels.h"

namespace graft::image {
namespace {

using detail::View;
using detail::Weights;

View view(const Image& image) {
  return {image.pixels.data(), image.width, image.height, static_cast<size_t>(image.width) * 3};
}

/// The inputs of [from, from + n); positions are added up step by step, as Pillow does.
std::vector<int> nearest_inputs(int in, int out, int from, int n) {
  const double step = static_cast<double>(in) / out;
  std::vector<int> inputs(static_cast<size_t>(n));
  double position = step * 0.5;
  for (int i = 0; i < from + n; ++i, position += step) {
    if (i >= from)
      inputs[static_cast<size_t>(i - from)] = std::min(static_cast<int>(position), in - 1);
  }
  return inputs;
}

Image nearest(const View& in, int width, int height, const Rect& window) {
  Image out(window.width, window.height);
  const auto columns = nearest_inputs(in.width, width, window.x, window.width);
  const auto rows = nearest_inputs(in.height, height, window.y, window.height);
  uint8_t* result = out.pixels.data();
  for (const int y : rows) {
    const uint8_t* row = in.row(y);
    for (const int x : columns) {
      std::memcpy(result, row + static_cast<ptrdiff_t>(x) * 3, 3);
      result += 3;
    }
  }
  return out;
}

Image copy(const View& in) {
  Image out(in.width, in.height);
  for (int y = 0; y < in.height; ++y) {
    std::memcpy(out.at(0, y), in.row(y), static_cast<size_t>(in.width) * 3);
  }
  return out;
}

Image resample(View in, int width, int height, Filter filter, const Rect& window) {
  GRAFT_ASSERT(in.width > 0 && in.height > 0 && width > 0 && height > 0);
  GRAFT_ASSERT(window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0);
  GRAFT_ASSERT(window.x <= width - window.width && window.y <= height - window.height);
  const bool same_width = width == in.width, same_height = height == in.height;
  if (same_width && same_height) return copy(in.part(window));
  if (filter == Filter::nearest) return nearest(in, width, height, window);
  // Pillow 13's choice of the pass that goes first; it decides the rounding in between.
  const int lost_rows = in.height - height, lost_columns = in.width - width;
  const bool rows_first = lost_rows > 0 && lost_rows > 2 * lost_columns;

  Weights across, down;
  Rect used = window;
  if (!same_width) {
    across = detail::make_weights(in.width, width, window.x, window.width, filter);
    used.x = across.begin(), used.width = across.end() - across.begin();
  }
  if (!same_height) {
    down = detail::make_weights(in.height, height, window.y, window.height, filter);
    used.y = down.begin(), used.height = down.end() - down.begin();
  }
  in = in.part(used);
  const auto& passes = detail::fastest_passes();
  Image out(window.width, window.height);
  if (same_width) {
    passes.vertical(in, down, out);
  } else if (same_height) {
    passes.horizontal(in, across, out);
  } else if (rows_first) {
    Image low(in.width, window.height);
    passes.vertical(in, down, low);
    passes.horizontal(view(low), across, out);
  } else {
    Image narrow(window.width, in.height);
    passes.horizontal(in, across, narrow);
    passes.vertical(view(narrow), down, out);
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Filter filter) {
  return resample(view(image), width, height, filter, {0, 0, width, height});
}

Image resize_window(const Image& image, int width, int height, Filter filter, const Rect& window) {
  return resample(view(image), width, height, filter, window);
}

Image resize_crop(const Image& image, const Rect& box, int width, int height, Filter filter) {
  GRAFT_ASSERT(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0);
  GRAFT_ASSERT(box.x <= image.width - box.width && box.y <= image.height - box.height);
  return resample(view(image).part(box), width, height, filter, {0, 0, width, height});
}

}  // namespace graft::image
