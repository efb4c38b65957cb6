#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/data/archive.h"
#include "graft/data/format.h"
#include "graft/data/layout.h"
#include "graft/data/names.h"
#include "graft/image/codec.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

bool ends_with_tar(const fs::path& path) {
  std::string name = path.filename().string();
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name.ends_with(".tar") || name.ends_with(".tar.gz") || name.ends_with(".tgz");
}

bool is_hidden(const std::string& path) {
  return path[0] == '.' || path.find("/.") != std::string::npos || path.starts_with("__MACOSX/");
}

bool is_picture(const std::string& path) {
  return !is_hidden(path) && has_image_extension(path);
}

Listing open_tar(const fs::path& path, const Options&) {
  const auto archive = std::make_shared<Archive>(path, is_picture, usable_memory_bytes() / 2);
  std::vector<const Archive::Member*> pictures;
  FileTree tree;
  for (const auto& member : archive->members()) {
    if (is_hidden(member.path)) {
      ++tree.hidden;
    } else if (has_image_extension(member.path)) {
      pictures.push_back(&member);
    } else {
      tree.foreign.push_back(extension_of(member.path));
    }
  }
  std::stable_sort(pictures.begin(), pictures.end(),
                   [](auto* a, auto* b) { return a->path < b->path; });
  for (size_t i = 0; i < pictures.size(); ++i) {
    // Of members with one name the last counts, as it does when unpacking.
    if (i + 1 < pictures.size() && pictures[i + 1]->path == pictures[i]->path) continue;
    tree.files.push_back(pictures[i]->path);
    pictures[tree.files.size() - 1] = pictures[i];
  }
  pictures.resize(tree.files.size());
  tree.folders = archive->folders();
  tree.links = archive->links();
  Arranged arranged = arrange(tree, path.string());
  std::vector<std::span<const uint8_t>> bytes;
  bytes.reserve(arranged.origin.size());
  for (const int64_t at : arranged.origin)
    bytes.push_back(pictures[static_cast<size_t>(at)]->bytes);
  std::vector<std::string> ids;
  ids.reserve(arranged.listing.samples.size());
  for (const Sample& sample : arranged.listing.samples) ids.push_back(sample.id);
  arranged.listing.load = [archive, where = path.string(), bytes = std::move(bytes),
                           ids = std::move(ids)](int64_t i) {
    return image::decode(bytes[static_cast<size_t>(i)], where + ":" + ids[static_cast<size_t>(i)]);
  };
  return std::move(arranged.listing);
}

}  // namespace

Format tar() {
  Format format;
  format.name = "tar";
  format.summary = "a .tar, .tar.gz or .tgz of an image folder";
  format.source = "POSIX.1-2001 (ustar, pax) and GNU tar, read by libarchive";
  format.detect = [](const fs::path& path) {
    return fs::is_regular_file(path) && ends_with_tar(path);
  };
  format.open = open_tar;
  return format;
}

}  // namespace graft::data::sources
