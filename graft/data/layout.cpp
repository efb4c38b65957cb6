#include "graft/data/layout.h"

#include <algorithm>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

/// Part `n` (from 0) of a path and the number of parts after it.
struct Part {
  std::string name;
  int64_t after = -1;
};

Part part_of(const std::string& path, int n) {
  size_t start = 0;
  for (int i = 0; i < n; ++i) {
    const size_t slash = path.find('/', start);
    if (slash == std::string::npos) return {};
    start = slash + 1;
  }
  const size_t end = path.find('/', start);
  const auto after = std::count(path.begin() + static_cast<std::ptrdiff_t>(start), path.end(), '/');
  return {path.substr(start, end == std::string::npos ? end : end - start), after};
}

/// Where in the paths the split (or -1) and the class stand.
struct Depths {
  int split = -1;
  int name = 0;
};

Depths depths_of(const std::vector<std::string>& paths) {
  for (int depth = 0;; ++depth) {
    std::set<std::string> firsts;
    bool all_deep = true;  // every file has a folder between `depth` and its name
    bool some_deep = false;
    for (const auto& path : paths) {
      const Part part = part_of(path, depth);
      if (part.after < 1) continue;  // lies beside the folders
      firsts.insert(part.name);
      all_deep = all_deep && part.after >= 2;
      some_deep = some_deep || part.after >= 2;
    }
    const bool splits = !firsts.empty() &&
                        std::all_of(firsts.begin(), firsts.end(),
                                    [](auto& name) { return split_called(name) != Split::none; });
    if (splits && some_deep) return {depth, depth + 1};
    if (firsts.size() != 1 || !all_deep) return {-1, depth};
  }
}

/// How messages speak of what is in the files.
struct Words {
  const char* one;
  const char* types;
  const char* example;
};

Words words_for(Content content) {
  if (content == Content::texts) return {"text", ".txt", "class/text.txt"};
  return {"picture", "JPEG, PNG or WebP", "class/picture.jpg (or .png, .webp)"};
}

void note_left_out(const FileTree& tree, int64_t loose, std::vector<std::string>& notes) {
  const Words words = words_for(tree.content);
  if (loose > 0) {
    notes.push_back(fmt::format("{} {}(s) lie beside the class folders and are not used",
                                grouped(loose), words.one));
  }
  if (!tree.foreign.empty()) {
    std::map<std::string, int64_t> counts;
    for (const auto& extension : tree.foreign)
      ++counts[extension.empty() ? "no extension" : "." + extension];
    std::vector<std::string> kinds;
    kinds.reserve(counts.size());
    for (const auto& [name, count] : counts)
      kinds.push_back(fmt::format("{} {}", count, printable(name)));
    notes.push_back(fmt::format("{} file(s) are not {} by their name and are not used: {}",
                                grouped(static_cast<int64_t>(tree.foreign.size())), words.types,
                                join_some(kinds)));
  }
  if (tree.hidden > 0)
    notes.push_back(fmt::format("{} hidden file(s) are not used", grouped(tree.hidden)));
  if (tree.links > 0)
    notes.push_back(fmt::format("{} link(s) were not followed", grouped(tree.links)));
}

}  // namespace

bool has_extension(const std::string& name, Content content) {
  return content == Content::texts ? extension_of(name) == "txt" : has_image_extension(name);
}

Arranged arrange(const FileTree& tree, const std::string& where) {
  const Words words = words_for(tree.content);
  if (tree.files.empty()) {
    fail_unreadable(
        "there are no {}s in {}: expected {}, or the same below train/, validation/ and test/{}",
        words.one, where, words.example,
        tree.foreign.empty()
            ? ""
            : "; its " + std::to_string(tree.foreign.size()) + " file(s) have other types");
  }
  const Depths depths = depths_of(tree.files);
  Arranged result;
  Listing& listing = result.listing;
  std::map<std::string, int> classes;
  std::vector<std::string> names;  // of the samples, until the classes are sorted
  int64_t loose = 0;
  for (size_t i = 0; i < tree.files.size(); ++i) {
    const Part name = part_of(tree.files[i], depths.name);
    if (name.after < 1) {
      ++loose;
      continue;
    }
    names.push_back(printable(name.name));
    classes.emplace(names.back(), 0);
    listing.splits.push_back(
        depths.split < 0 ? Split::none : split_called(part_of(tree.files[i], depths.split).name));
    listing.samples.push_back({printable(tree.files[i]), {}});
    result.origin.push_back(static_cast<int64_t>(i));
  }
  if (names.empty()) {
    fail_unreadable(
        "the {0}s in {1} are in no class folders: expected class/{0}, or the same below train/, "
        "validation/ and test/; for other layouts give a CSV of {2},label",
        words.one, where, tree.content == Content::texts ? "text" : "path");
  }
  for (const auto& [name, unused] : classes) listing.classes.push_back(name);
  sort_names(listing.classes);
  for (size_t i = 0; i < listing.classes.size(); ++i)
    classes[listing.classes[i]] = static_cast<int>(i);
  for (size_t i = 0; i < names.size(); ++i) listing.samples[i].labels = {classes[names[i]]};

  std::set<std::string> empty;
  for (const auto& folder : tree.folders) {
    const Part part = part_of(folder, depths.name);
    if (part.after == 0 && !classes.contains(printable(part.name)))
      empty.insert(printable(part.name));
  }
  listing.empty_classes.assign(empty.begin(), empty.end());
  if (!empty.empty()) {
    listing.notes.push_back(fmt::format("class folder(s) without a {} are left out: {}", words.one,
                                        join_some(listing.empty_classes)));
  }
  note_left_out(tree, loose, listing.notes);
  return result;
}

}  // namespace graft::data
