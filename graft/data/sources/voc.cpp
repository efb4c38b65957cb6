#include <algorithm>
#include <map>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/box_listing.h"
#include "graft/data/folder_walk.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/data/voc_file.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr const char* kAnnotations[] = {"Annotations", "annotations"};

/// The folder of a data set's XML files: Annotations, else the folder itself, where files lie
/// beside their pictures.
bool is_voc(const fs::path& root) {
  std::error_code failed;
  if (!fs::is_directory(root, failed)) return false;
  std::vector<fs::path> folders = {root};
  for (const char* name : kAnnotations) folders.push_back(root / name);
  for (const char* name : {"train", "valid", "val", "test"}) folders.push_back(root / name);
  constexpr int kLooked = 1000;
  for (const fs::path& folder : folders) {
    int looked = 0;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (entry.path().extension() != ".xml") {
        if (++looked > kLooked) break;
        continue;
      }
      for (const std::string& line : first_lines(entry.path())) {
        if (line.find("<annotation") != std::string::npos) return true;
      }
      break;
    }
  }
  return false;
}

/// Paths below the root, of all folders that were walked.
std::vector<std::string> xml_files(const fs::path& root, const FileTree& tree) {
  std::vector<std::string> folders = tree.folders;
  folders.emplace_back();
  std::vector<std::string> files;
  std::error_code failed;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::directory_iterator(root / folder, failed)) {
      if (entry.path().extension() == ".xml" && entry.is_regular_file(failed))
        files.push_back((fs::path(folder) / entry.path().filename()).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The lists of ImageSets/Main: which picture is in which split, by the stem of its file.
class ImageSets {
 public:
  explicit ImageSets(const fs::path& folder) {
    for (const auto& [name, split] :
         {std::pair{"train", Split::train}, {"val", Split::validation}, {"test", Split::test}}) {
      read(folder / (std::string(name) + ".txt"), split);
    }
    // Where train is not listed apart, what may be trained on is.
    if (std::none_of(splits_.begin(), splits_.end(),
                     [](const auto& item) { return item.second == Split::train; })) {
      read(folder / "trainval.txt", Split::train);
    }
  }

  bool empty() const { return splits_.empty(); }
  /// Of pictures that are in several lists the first of train, val and test counts.
  int64_t repeated() const { return repeated_; }
  Split of(const std::string& stem) const {
    const auto found = splits_.find(stem);
    return found == splits_.end() ? Split::none : found->second;
  }

 private:
  void read(const fs::path& file, Split split) {
    std::error_code failed;
    if (!fs::is_regular_file(file, failed)) return;
    std::vector<std::string> notes;
    const std::string text = read_text_file(file, notes);
    LineReader lines(text);
    for (std::string_view line; lines.next(line);) {
      // Lists of a class have a second column.
      const std::string_view stem = trimmed(line.substr(0, line.find_first_of(" \t")));
      if (!stem.empty()) repeated_ += !splits_.emplace(std::string(stem), split).second;
    }
  }

  std::map<std::string, Split> splits_;
  int64_t repeated_ = 0;
};

/// Pictures by their path without ending.
class PictureFinder {
 public:
  explicit PictureFinder(const FileTree& tree) {
    for (const std::string& file : tree.files) files_.emplace(stem_of(file), file);
  }

  /// Of "a/Annotations/b.xml": a/JPEGImages/b.jpg, a/images/b.png …, or the file beside it. "" when
  /// there is none.
  std::string of(const std::string& xml) const {
    const std::string stem = stem_of(xml);
    if (const std::string beside = find(stem); !beside.empty()) return beside;
    for (const char* name : kAnnotations) {
      const size_t at = ("/" + stem).find(fmt::format("/{}/", name));
      if (at == std::string::npos) continue;
      for (const char* pictures : {"JPEGImages", "images", "Images"}) {
        std::string other = stem;
        other.replace(at, std::string(name).size(), pictures);
        if (const std::string found = find(other); !found.empty()) return found;
      }
    }
    return "";
  }

  static std::string stem_of(const std::string& path) {
    return path.substr(0, path.find_last_of('.'));
  }

 private:
  std::string find(const std::string& stem) const {
    const auto found = files_.find(stem);
    return found == files_.end() ? "" : found->second;
  }

  std::map<std::string, std::string> files_;
};

FileBox box_of(const VocFile::Object& object, BoxListing& boxes) {
  FileBox box;
  // Pixels count from 1 and the last one belongs to the box. What the file itself calls empty stays
  // empty.
  const bool empty = object.xmax <= object.xmin || object.ymax <= object.ymin;
  box.corners = {object.xmin - 1, object.ymin - 1, empty ? object.xmin - 1 : object.xmax,
                 empty ? object.ymin - 1 : object.ymax};
  box.label = boxes.class_of(object.name);
  box.difficult = object.difficult;
  return box;
}

Listing open_voc(const fs::path& root, const Options&) {
  if (!fs::is_directory(root)) {
    fail_unreadable("{} is not a folder; expected one with Annotations and JPEGImages",
                    root.string());
  }
  const std::string where = printable(root.string());
  BoxListing boxes(root, where);
  const ImageSets sets(root / "ImageSets" / "Main");
  const FileTree tree = walk_folder(root, Content::images);
  const PictureFinder pictures(tree);
  int64_t unlisted = 0;
  int64_t without_picture = 0;
  std::string first_without;
  for (const std::string& xml : xml_files(root, tree)) {
    const std::string stem = fs::path(xml).stem().string();
    FilePicture picture;
    picture.split = sets.empty() ? split_called(xml.substr(0, xml.find('/'))) : sets.of(stem);
    if (!sets.empty() && picture.split == Split::none) {
      ++unlisted;
      continue;
    }
    picture.id = pictures.of(xml);
    if (picture.id.empty()) {
      if (++without_picture == 1) first_without = xml;
      continue;
    }
    picture.file = root / picture.id;
    const VocFile file = read_voc(root / xml);
    picture.size = file.size;
    for (const VocFile::Object& object : file.objects)
      picture.boxes.push_back(box_of(object, boxes));
    boxes.add(std::move(picture));
  }
  const auto say = [&](int64_t count, const std::string& what) {
    if (count > 0) boxes.note(fmt::format("{} {}", grouped(count), what));
  };
  say(unlisted, "file(s) with annotations are in no list of ImageSets/Main and are not used");
  say(sets.repeated(),
      "picture(s) are in several lists of ImageSets/Main and count to the first of "
      "train, val and test");
  say(without_picture, fmt::format("file(s) with annotations have no picture and are left out, the "
                                   "first is {}",
                                   printable(first_without)));
  return boxes.finish();
}

}  // namespace

Format voc() {
  Format format;
  format.name = "voc";
  format.summary =
      "boxes in Pascal VOC's XML: Annotations/, JPEGImages/ and ImageSets/Main, or files beside "
      "their pictures";
  format.source = "Everingham et al. 2010";
  format.detect = is_voc;
  format.open = open_voc;
  return format;
}

}  // namespace graft::data::sources
