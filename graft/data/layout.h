#pragma once

#include <string>
#include <vector>

#include "graft/data/listing.h"

namespace graft::data {

/// The files of a folder or an archive, by their paths with '/' as separator.
struct FileTree {
  Content content = Content::images;
  std::vector<std::string> files;    ///< paths with an extension of pictures or texts, sorted
  std::vector<std::string> folders;  ///< as far as known
  int64_t hidden = 0;                ///< files that begin with '.' or lie in such a folder
  int64_t links = 0;                 ///< links that were not followed
  std::vector<std::string> foreign;  ///< extensions of all other files
};

/// Whether files with such a name are taken: .jpg, .png, … or .txt.
bool has_extension(const std::string& name, Content content);

/// A listing (without `load`) and where its samples come from.
struct Arranged {
  Listing listing;
  std::vector<int64_t> origin;  ///< position in FileTree::files, one a sample
};

/// Reads splits and classes out of paths: `class/…/file` or `split/class/…/file`, below any number
/// of single wrapping folders. Files beside the class folders are left out and counted in the
/// notes. No class folder at all is an error (exit code 3); `where` names the root.
Arranged arrange(const FileTree& tree, const std::string& where);

}  // namespace graft::data
