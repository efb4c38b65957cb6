#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/image/image.h"
#include "tests/support/support.h"

/// Reads what the scripts of tests/golden/image wrote.
namespace graft::test {

inline std::filesystem::path golden_image_dir() {
  return source_dir() / "tests" / "golden" / "image";
}

class Pack {
 public:
  explicit Pack(const std::string& topic)
      : cases_(read_json(golden_image_dir() / (topic + ".json"))),
        data_(read_file(golden_image_dir() / (topic + ".bin"), size_t{1} << 26)) {}

  const Json& cases() const { return cases_; }

  image::Image pixels(const Json& one) const {
    image::Image result(one.at("width").get<int>(), one.at("height").get<int>());
    std::memcpy(result.pixels.data(), at(one, result.pixels.size()), result.pixels.size());
    return result;
  }
  std::vector<float> floats(const Json& one) const {
    std::vector<float> result(one.at("width").get<size_t>() * one.at("height").get<size_t>() * 3);
    std::memcpy(result.data(), at(one, result.size() * sizeof(float)),
                result.size() * sizeof(float));
    return result;
  }

 private:
  const char* at(const Json& one, size_t bytes) const {
    const auto offset = one.at("at").get<size_t>();
    if (offset + bytes > data_.size()) throw std::out_of_range("golden pack is too short");
    return data_.data() + offset;
  }

  Json cases_;
  std::string data_;
};

inline std::map<std::string, image::Image> golden_sources() {
  const Pack pack("sources");
  std::map<std::string, image::Image> sources;
  for (const Json& one : pack.cases()) sources[one.at("name")] = pack.pixels(one);
  return sources;
}

/// Largest difference of any sample; 256 when the sizes differ.
inline int difference(const image::Image& a, const image::Image& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int worst = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    worst = std::max(worst, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return worst;
}

/// A picture with structure, made by arithmetic.
inline image::Image pattern(int width, int height) {
  image::Image result(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      uint8_t* pixel = result.at(x, y);
      pixel[0] = static_cast<uint8_t>(x * 5 + y);
      pixel[1] = static_cast<uint8_t>((x ^ y) * 3);
      pixel[2] = static_cast<uint8_t>(x * y + 40 * (x > width / 2));
    }
  }
  return result;
}

}  // namespace graft::test
