#include "tests/unit/data/make.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/image/codec.h"
#include "tests/support/support.h"

namespace graft::data::test {
namespace fs = std::filesystem;

image::Image picture(int width, int height, uint64_t seed) {
  Rng rng{seed, 77};
  double wave[3][3];
  for (auto& channel : wave) {
    for (double& value : channel) value = rng.uniform(-1, 1);
  }
  image::Image made(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double u = 9.0 * x / width;
        const double v = 9.0 * y / height;
        const double value = std::sin(u * wave[c][0] + v * wave[c][1] + 5 * wave[c][2]) +
                             0.5 * std::sin(u * wave[c][1] * 2 - v);
        made.at(x, y)[c] = static_cast<uint8_t>(std::lround(127 + 80 * value));
      }
    }
  }
  return made;
}

std::string png(const image::Image& made) {
  const auto bytes = image::encode_png(made);
  return {bytes.begin(), bytes.end()};
}

void write_picture(const fs::path& path, uint64_t seed, int width, int height) {
  graft::test::write_text(path, png(picture(width, height, seed)));
}

void write_folder(const fs::path& root, const std::vector<std::string>& classes, int per_class,
                  uint64_t seed) {
  for (size_t c = 0; c < classes.size(); ++c) {
    for (int i = 0; i < per_class; ++i) {
      write_picture(root / classes[c] / fmt::format("{:03}.png", i),
                    hash_key({seed, c, static_cast<uint64_t>(i)}));
    }
  }
}

std::string tar_of(const std::vector<TarMember>& members) {
  std::string tar;
  for (const TarMember& member : members) {
    std::string header(512, '\0');
    header.replace(0, member.name.size(), member.name);
    header.replace(100, 7, "0000644");
    header.replace(108, 7, "0000000");
    header.replace(116, 7, "0000000");
    const auto size =
        member.claimed >= 0 ? member.claimed : static_cast<int64_t>(member.content.size());
    header.replace(124, 11, fmt::format("{:011o}", size));
    header.replace(136, 11, "00000000000");
    header[156] = member.type;
    header.replace(257, 8, std::string("ustar\00000", 8));
    header.replace(148, 8, "        ");
    const auto sum = std::accumulate(header.begin(), header.end(), 0, [](int s, char c) {
      return s + static_cast<unsigned char>(c);
    });
    header.replace(148, 7, fmt::format("{:06o}", sum) + std::string(1, '\0'));
    tar += header + member.content;
    tar.resize((tar.size() + 511) / 512 * 512, '\0');
  }
  return tar + std::string(1024, '\0');
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string idx(const std::vector<uint32_t>& sizes, const std::string& values) {
  std::string file = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) file += static_cast<char>(size >> shift & 0xFF);
  }
  return file + values;
}

MadeSource::MadeSource(const std::vector<int>& labels, std::vector<int64_t> broken)
    : broken_(std::move(broken)) {
  for (const int label : labels)
    samples_.push_back({fmt::format("made/{}", samples_.size()), {label}});
}

image::Image MadeSource::load(int64_t i) const {
  ++loads;
  if (std::find(broken_.begin(), broken_.end(), i) != broken_.end())
    fail_unreadable("made/{} is broken", i);
  return picture(30 + static_cast<int>(i % 5), 40, static_cast<uint64_t>(i));
}

View whole(std::shared_ptr<const Source> source) {
  View view{std::move(source), {}};
  for (int64_t i = 0; i < view.source->size(); ++i) view.indices.push_back(i);
  return view;
}

}  // namespace graft::data::test
