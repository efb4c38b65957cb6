#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/units.h"
#include "graft/data/format.h"
#include "graft/data/gunzip.h"
#include "graft/data/names.h"
#include "graft/image/codec.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr size_t kGrowth = size_t{8} << 20;

/// An array of bytes in IDX form: dimensions and values, in the mapped file or unpacked in memory.
class IdxFile {
 public:
  IdxFile(const fs::path& path, size_t dimensions) : file_(path), where_(path.string()) {
    const bool packed = is_gzip(file_.bytes());
    std::unique_ptr<Gunzip> gunzip;
    if (packed) gunzip = std::make_unique<Gunzip>(file_.bytes(), where_);
    std::vector<uint8_t> header(4 + 4 * dimensions);
    if (packed) {
      header.resize(gunzip->read(header));
    } else {
      const auto bytes = file_.bytes();
      header.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(
                                                       std::min(header.size(), bytes.size())));
    }
    const int64_t count = read_header(header, dimensions);
    if (packed) {
      unpack(*gunzip, count);
      values_ = unpacked_;
    } else {
      values_ = file_.bytes().subspan(header.size());
      if (static_cast<int64_t>(values_.size()) != count) wrong_size(count, values_.size());
    }
  }

  const std::vector<int64_t>& sizes() const { return sizes_; }
  std::span<const uint8_t> values() const { return values_; }

 private:
  int64_t read_header(const std::vector<uint8_t>& header, size_t dimensions) {
    const bool right = header.size() == 4 + 4 * dimensions && header[0] == 0 && header[1] == 0 &&
                       header[2] == 0x08 && header[3] == dimensions;
    if (!right) {
      fail_unreadable(
          "{} is not an IDX file of bytes with {} dimension(s): it must begin with 0x000008{:02x}",
          where_, dimensions, dimensions);
    }
    const int64_t most = usable_memory_bytes() / 2;
    int64_t count = 1;
    for (size_t i = 0; i < dimensions; ++i) {
      int64_t size = 0;
      for (size_t k = 0; k < 4; ++k) size = size << 8 | header[4 + 4 * i + k];
      sizes_.push_back(size);
      if (size > 0 && count > most / size) {
        fail_unreadable(
            "{} claims {} values, more than half of this machine's memory; the header is wrong, or "
            "use an image folder",
            where_, fmt::join(sizes_, " x "));
      }
      count *= size;
    }
    return count;
  }

  /// Grows with what arrives, so that a header that lies allocates nothing.
  void unpack(Gunzip& gunzip, int64_t count) {
    const auto wanted = static_cast<size_t>(count);
    while (unpacked_.size() < wanted) {
      const size_t start = unpacked_.size();
      const size_t part = std::min(kGrowth, wanted - start);
      unpacked_.resize(start + part);
      const size_t got = gunzip.read({unpacked_.data() + start, part});
      if (got < part) wrong_size(count, start + got);
    }
    uint8_t beyond = 0;
    if (gunzip.read({&beyond, 1}) != 0) wrong_size(count, wanted + 1);
  }

  [[noreturn]] void wrong_size(int64_t claimed, size_t there) const {
    fail_unreadable("{} claims {} = {} values and has {}{}; fetch the file again", where_,
                    fmt::join(sizes_, " x "), claimed,
                    there > static_cast<size_t>(claimed) ? "more, at least " : "", there);
  }

  MappedFile file_;
  std::string where_;
  std::vector<int64_t> sizes_;
  std::vector<uint8_t> unpacked_;
  std::span<const uint8_t> values_;
};

/// "train-images-idx3-ubyte.gz" → "train-labels-idx1-ubyte.gz"; "" when it is no such name.
std::string labels_name(const std::string& images_name) {
  std::string name = images_name;
  const size_t images = name.find("images");
  const size_t idx = name.find("idx3");
  if (images == std::string::npos || idx == std::string::npos) return "";
  return name.replace(images, 6, "labels").replace(idx, 4, "idx1");
}

/// The first word of the name that names a split; MNIST calls its test split t10k.
Split split_of(const std::string& images_name) {
  for (size_t start = 0; start < images_name.size();) {
    const size_t end = std::min(images_name.find_first_of("-_.", start), images_name.size());
    const std::string word = images_name.substr(start, end - start);
    if (word == "t10k") return Split::test;
    if (split_called(word) != Split::none) return split_called(word);
    start = end + 1;
  }
  return Split::none;
}

/// The image files at a path: itself, or those of a folder. Of a packed and a plain twin the plain
/// one counts.
std::vector<fs::path> image_files(const fs::path& path) {
  std::error_code failed;
  if (fs::is_regular_file(path, failed)) {
    if (labels_name(path.filename().string()).empty()) return {};
    return {path};
  }
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(path, failed)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file(failed) && !labels_name(name).empty()) names.insert(name);
  }
  std::vector<fs::path> files;
  for (const auto& name : names) {
    if (name.ends_with(".gz") && names.contains(name.substr(0, name.size() - 3))) continue;
    files.push_back(path / name);
  }
  return files;
}

struct Part {
  std::shared_ptr<IdxFile> images;
  int64_t start = 0;  // its first sample
};

Part open_part(const fs::path& images_path, int64_t start, std::vector<uint8_t>& labels) {
  const fs::path labels_path =
      images_path.parent_path() / labels_name(images_path.filename().string());
  if (!fs::exists(labels_path)) {
    fail_unreadable("the labels of {} are missing: expected {} beside it", images_path.string(),
                    labels_path.filename().string());
  }
  const Part part{std::make_shared<IdxFile>(images_path, 3), start};
  const IdxFile label_file(labels_path, 1);
  const auto& sizes = part.images->sizes();
  if (sizes[0] != label_file.sizes()[0]) {
    fail_unreadable("{} has {} pictures and {} has {} labels; they must be as many",
                    images_path.string(), sizes[0], labels_path.filename().string(),
                    label_file.sizes()[0]);
  }
  if (sizes[1] < 1 || sizes[2] < 1 || sizes[1] > image::kMaxSide || sizes[2] > image::kMaxSide ||
      sizes[1] * sizes[2] > image::kMaxPixels) {
    fail_unreadable("{} has pictures of {} x {} pixels, which is out of bounds",
                    images_path.string(), sizes[2], sizes[1]);
  }
  labels.insert(labels.end(), label_file.values().begin(), label_file.values().end());
  return part;
}

image::Image load_grey(const std::vector<Part>& parts, int64_t i) {
  const auto after =
      std::upper_bound(parts.begin(), parts.end(), i,
                       [](int64_t index, const Part& part) { return index < part.start; });
  const Part& part = *std::prev(after);
  const auto& sizes = part.images->sizes();
  image::Image picture(static_cast<int>(sizes[2]), static_cast<int>(sizes[1]));
  const auto bytes = static_cast<size_t>(sizes[1] * sizes[2]);
  const uint8_t* from = part.images->values().data() + static_cast<size_t>(i - part.start) * bytes;
  for (size_t k = 0; k < bytes; ++k) std::fill_n(&picture.pixels[3 * k], 3, from[k]);
  return picture;
}

Listing open_idx(const fs::path& path, const Options&) {
  const std::vector<fs::path> files = image_files(path);
  if (files.empty()) {
    fail_unreadable("{} holds no IDX pictures: expected names as train-images-idx3-ubyte(.gz)",
                    path.string());
  }
  Listing listing;
  std::vector<Part> parts;
  std::vector<uint8_t> labels;
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    const auto start = static_cast<int64_t>(labels.size());
    parts.push_back(open_part(file, start, labels));
    const Split split = split_of(name);
    const std::string prefix = split == Split::none ? printable(name) : split_name(split);
    for (int64_t i = 0; i < static_cast<int64_t>(labels.size()) - start; ++i) {
      listing.samples.push_back({fmt::format("{}/idx:{}", prefix, i), {}});
      listing.splits.push_back(split);
    }
  }
  if (labels.empty()) fail_unreadable("{} holds no pictures", path.string());
  const std::set<int> values(labels.begin(), labels.end());
  for (const int value : values) listing.classes.push_back(std::to_string(value));
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto at = std::distance(values.begin(), values.find(labels[i]));
    listing.samples[i].labels = {static_cast<int>(at)};
  }
  listing.load = [parts = std::move(parts)](int64_t i) { return load_grey(parts, i); };
  return listing;
}

}  // namespace

Format idx() {
  Format format;
  format.name = "idx";
  format.summary =
      "MNIST's files: train-images-idx3-ubyte(.gz), train-labels-idx1-ubyte(.gz), t10k-…";
  format.source = "http://yann.lecun.com/exdb/mnist (LeCun et al. 1998)";
  format.detect = [](const fs::path& path) { return !image_files(path).empty(); };
  format.open = open_idx;
  return format;
}

}  // namespace graft::data::sources
