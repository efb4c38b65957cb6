#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "graft/data/dataset.h"
#include "graft/image/image.h"

/// Small data sets, well-formed and broken.
namespace graft::data::test {

/// Smooth, with contrast, and different for every seed.
image::Image picture(int width, int height, uint64_t seed);
std::string png(const image::Image& picture);
/// Writes a PNG whatever the name says (the decoder goes by content).
void write_picture(const std::filesystem::path& path, uint64_t seed, int width = 24,
                   int height = 20);
/// `per_class` pictures in root/<class>/<number>.png.
void write_folder(const std::filesystem::path& root, const std::vector<std::string>& classes,
                  int per_class, uint64_t seed = 0);

struct TarMember {
  std::string name;
  std::string content;
  char type = '0';
  int64_t claimed = -1;  ///< size in the header, when it lies
};
std::string tar_of(const std::vector<TarMember>& members);
std::string gzip(const std::string& content);
/// An IDX file of bytes.
std::string idx(const std::vector<uint32_t>& sizes, const std::string& values);

/// Pictures made on the fly, with labels; some can be unreadable.
class MadeSource : public Source {
 public:
  explicit MadeSource(const std::vector<int>& labels, std::vector<int64_t> broken = {});
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  image::Image load(int64_t i) const override;
  mutable std::atomic<int64_t> loads{0};

 private:
  std::vector<Sample> samples_;
  std::vector<int64_t> broken_;
};
/// All samples of a source.
View whole(std::shared_ptr<const Source> source);

}  // namespace graft::data::test
