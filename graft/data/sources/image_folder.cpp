#include <utility>

#include "graft/base/error.h"
#include "graft/data/folder_walk.h"
#include "graft/data/format.h"
#include "graft/data/layout.h"
#include "graft/image/codec.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

Listing open_folder(const fs::path& path, const Options&) {
  if (!fs::is_directory(path)) fail_unreadable("{} is not a folder", path.string());
  FileTree tree = walk_folder(path, Content::images);
  Arranged arranged = arrange(tree, path.string());
  std::vector<std::string> files;
  files.reserve(arranged.origin.size());
  for (const int64_t at : arranged.origin)
    files.push_back(std::move(tree.files[static_cast<size_t>(at)]));
  arranged.listing.load = [path, files = std::move(files)](int64_t i) {
    return image::load(path / files[static_cast<size_t>(i)]);
  };
  return std::move(arranged.listing);
}

}  // namespace

Format image_folder() {
  Format format;
  format.name = "image-folder";
  format.summary =
      "a folder a class, or train/, validation/ and test/ with a folder a class in each";
  format.source = "layout of torchvision.datasets.ImageFolder";
  format.detect = [](const fs::path& path) { return fs::is_directory(path); };
  format.open = open_folder;
  return format;
}

}  // namespace graft::data::sources
