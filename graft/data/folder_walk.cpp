#include "graft/data/folder_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxDepth = 32;

/// Identifies a folder however it was reached.
using FolderId = std::pair<dev_t, ino_t>;

class Walk {
 public:
  Walk(fs::path root, FileTree& tree) : root_(std::move(root)), tree_(tree) { enter(root_, "", 0); }

 private:
  void enter(const fs::path& folder, const std::string& prefix, int depth) {
    struct stat info{};
    if (depth > kMaxDepth || ::stat(folder.c_str(), &info) != 0) {
      fail_unreadable("cannot read the folder {}: {}", printable(folder.string()),
                      depth > kMaxDepth ? "it lies too deep" : "it is gone or not permitted");
    }
    const FolderId id{info.st_dev, info.st_ino};
    if (std::find(above_.begin(), above_.end(), id) != above_.end()) {
      ++tree_.links;  // a link to a folder above itself would never end
      return;
    }
    above_.push_back(id);
    std::error_code failed;
    fs::directory_iterator entries(folder, failed);
    if (failed) {
      fail_unreadable("cannot read the folder {}: {}", printable(folder.string()),
                      failed.message());
    }
    for (const auto& entry : entries) add(entry, prefix, depth);
    above_.pop_back();
  }

  void add(const fs::directory_entry& entry, const std::string& prefix, int depth) {
    const std::string name = entry.path().filename().string();
    std::error_code failed;
    const fs::file_status status = entry.status(failed);
    if (name[0] == '.' || name == "__MACOSX") {
      if (status.type() != fs::file_type::directory) ++tree_.hidden;
    } else if (status.type() == fs::file_type::directory) {
      tree_.folders.push_back(prefix + name);
      enter(entry.path(), prefix + name + "/", depth + 1);
    } else if (status.type() == fs::file_type::regular && has_extension(name, tree_.content)) {
      tree_.files.push_back(prefix + name);
    } else {
      tree_.foreign.push_back(extension_of(name));
    }
  }

  fs::path root_;
  FileTree& tree_;
  std::vector<FolderId> above_;
};

}  // namespace

FileTree walk_folder(const fs::path& root, Content content) {
  FileTree tree;
  tree.content = content;
  const Walk walk(root, tree);
  std::sort(tree.files.begin(), tree.files.end());
  std::sort(tree.folders.begin(), tree.folders.end());
  return tree;
}

}  // namespace graft::data
