#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft::image {

/// An 8-bit RGB picture; rows from top to bottom, `pixels` is height x width x 3.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int w, int h, uint8_t fill = 0)
      : width(w), height(h), pixels(static_cast<size_t>(w) * static_cast<size_t>(h) * 3, fill) {}
  uint8_t* at(int x, int y) { return &pixels[(static_cast<size_t>(y) * width + x) * 3]; }
  const uint8_t* at(int x, int y) const {
    return &pixels[(static_cast<size_t>(y) * width + x) * 3];
  }
  bool empty() const { return pixels.empty(); }
  bool operator==(const Image&) const = default;
};

}  // namespace graft::image
