#pragma once

#include <string>
#include <vector>

#include "graft/data/listing.h"

namespace graft::data {

/// The files of a folder or an archive, by their paths with '/' as separator.
struct FileTree {
  std::vector<std::string> images;   ///< paths with an image extension, sorted by bytes
  std::vector<std::string> folders;  ///< as far as known
  int64_t hidden = 0;                ///< files that begin with '.' or lie in such a folder
  int64_t links = 0;                 ///< links that were not followed
  std::vector<std::string> foreign;  ///< extensions of the files that are no JPEG, PNG or WebP
};

/// A listing (without `load`) and where its samples come from.
struct Arranged {
  Listing listing;
  std::vector<int64_t> origin;  ///< position in FileTree::images, one a sample
};

/// Reads splits and classes out of paths: `class/…/file` or `split/class/…/file`, below any number
/// of single wrapping folders. Pictures beside the class folders are left out and counted in the
/// notes. No class folder at all is an error (exit code 3); `where` names the root.
Arranged arrange(const FileTree& tree, const std::string& where);

}  // namespace graft::data
