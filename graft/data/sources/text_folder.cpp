#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/folder_walk.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr double kMaxUnreadable = 0.01;  // of the files

/// Looks into folders for a text in a class folder; one picture means that the texts are beside
/// the point (boxes, captions). Bounded, so that a home folder costs little.
class Scan {
 public:
  explicit Scan(const fs::path& root) { enter(root, 0); }
  bool found() const { return texts_ && !pictures_; }

 private:
  void enter(const fs::path& folder, int depth) {
    constexpr int kDepth = 6;
    constexpr int kFiles = 200;  // a folder
    constexpr int kFolders = 2000;
    if (depth > kDepth || ++folders_ > kFolders) return;
    int files = 0;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end && !pictures_;
         at.increment(failed)) {
      const std::string name = at->path().filename().string();
      std::error_code unknown;
      if (name[0] == '.') continue;
      if (at->is_directory(unknown)) {
        enter(at->path(), depth + 1);
      } else if (++files <= kFiles) {
        pictures_ = has_image_extension(name);
        texts_ = texts_ || (depth > 0 && has_extension(name, Content::texts));
      }
    }
  }

  bool texts_ = false;
  bool pictures_ = false;
  int folders_ = 0;
};

/// IMDB keeps texts without a label in a folder beside the classes.
int64_t drop_unlabelled(FileTree& tree) {
  const auto is_unlabelled = [](const std::string& path) {
    return path.starts_with("unsup/") || path.find("/unsup/") != std::string::npos;
  };
  std::erase_if(tree.folders,
                [&](const std::string& folder) { return is_unlabelled(folder + "/"); });
  return static_cast<int64_t>(std::erase_if(tree.files, is_unlabelled));
}

Listing open_folder(const fs::path& path, const Options&) {
  if (!fs::is_directory(path)) fail_unreadable("{} is not a folder", path.string());
  const std::string where = printable(path.string());
  FileTree tree = walk_folder(path, Content::texts);
  const int64_t unlabelled = drop_unlabelled(tree);
  Arranged arranged = arrange(tree, where);
  const Listing& files = arranged.listing;

  TextRecords records(where, "file");
  for (const auto& name : files.classes) records.add_class(name);
  std::vector<std::string> encodings;
  std::string reason;
  int64_t unreadable = 0;
  for (size_t i = 0; i < files.samples.size(); ++i) {
    const auto& name = tree.files[static_cast<size_t>(arranged.origin[i])];
    std::string text;
    try {
      text = read_text_file(path / name, encodings, kMaxRecordBytes);
    } catch (const Error& error) {
      if (unreadable++ == 0) reason = error.what();
      continue;
    }
    const auto label = static_cast<size_t>(files.samples[i].labels.front());
    records.add(static_cast<int64_t>(i + 1), text, std::nullopt, {files.classes[label]},
                files.splits[i], files.samples[i].id);
  }
  const auto share = static_cast<double>(unreadable) / static_cast<double>(files.samples.size());
  if (share > kMaxUnreadable) {
    fail_unreadable("{} ({} of {} files cannot be read; up to 1 % are left out)", reason,
                    grouped(unreadable), grouped(static_cast<int64_t>(files.samples.size())));
  }

  auto& notes = records.notes();
  notes = files.notes;
  if (unlabelled > 0) {
    notes.push_back(fmt::format("{} text(s) in folders called unsup have no label and are not used",
                                grouped(unlabelled)));
  }
  if (unreadable > 0) {
    notes.push_back(
        fmt::format("{} file(s) cannot be read and are left out: {}", grouped(unreadable), reason));
  }
  if (!encodings.empty()) {
    notes.push_back(fmt::format("{} file(s) are not UTF-8, the first: {}",
                                grouped(static_cast<int64_t>(encodings.size())),
                                encodings.front()));
  }
  Listing listing = records.finish();
  listing.empty_classes.insert(listing.empty_classes.end(), files.empty_classes.begin(),
                               files.empty_classes.end());
  return listing;
}

}  // namespace

Format text_folder() {
  Format format;
  format.name = "text-folder";
  format.summary = "as image-folder, with a .txt file a text";
  format.source = "layout of the IMDB reviews (Maas et al. 2011)";
  format.content = Content::texts;
  format.detect = [](const fs::path& path) { return fs::is_directory(path) && Scan(path).found(); };
  format.open = open_folder;
  return format;
}

}  // namespace graft::data::sources
