#include "graft/data/parquet_shards.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "graft/base/error.h"
#include "graft/data/names.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr int kDepth = 3;

bool is_parquet(const fs::path& path) {
  std::error_code failed;
  return extension_of(path.string()) == "parquet" && fs::is_regular_file(path, failed);
}

/// Visits the files below a folder until `visit` says to stop. Hidden ones (downloads in the
/// making) are passed over.
void walk(const fs::path& folder, const std::function<bool(const fs::path& file)>& visit) {
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    std::error_code unknown;
    if (at->is_directory(unknown)) {
      if (hidden || at.depth() + 1 > kDepth) at.disable_recursion_pending();
    } else if (!hidden && !visit(at->path())) {
      return;
    }
  }
}

std::vector<fs::path> parquet_files(const fs::path& folder) {
  std::vector<fs::path> found;
  walk(folder, [&](const fs::path& file) {
    if (is_parquet(file)) found.push_back(file);
    return true;
  });
  return found;
}

/// Whether there are Parquet files and no pictures, which they may only say something about. Large
/// folders are looked into in part.
bool is_parquet_folder(const fs::path& folder) {
  constexpr int kLooked = 2000;
  int looked = 0;
  bool parquet = false;
  bool pictures = false;
  walk(folder, [&](const fs::path& file) {
    parquet = parquet || is_parquet(file);
    pictures = has_image_extension(file.filename().string());
    return !pictures && ++looked < kLooked;
  });
  return parquet && !pictures;
}

/// "train" of "train-00000-of-00002.parquet" and of "train.parquet"; "" of "0000.parquet".
std::string set_of(const fs::path& path) {
  std::string stem = path.stem().string();
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!stem.empty() && (digit(stem.back()) || stem.back() == '-')) stem.pop_back();
  if (!stem.ends_with("-of")) return stem;
  stem.resize(stem.size() - 3);
  while (!stem.empty() && (digit(stem.back()) || stem.back() == '-')) stem.pop_back();
  return stem;
}

/// A file with the split of its name or folder, and the folder that its data set lies in.
struct Shard {
  Part part;
  std::string folder;
};

Shard shard_of(const fs::path& path, const fs::path& root) {
  Shard shard{{path, split_in(path.filename().string())}, {}};
  fs::path folder = path.parent_path().lexically_relative(root);
  while (!folder.empty() && folder != ".") {
    const std::string name = folder.filename().string();
    const Split split = split_called(name);
    if (split == Split::none && name != "data") break;
    if (shard.part.split == Split::none) shard.part.split = split;
    folder = folder.parent_path();
  }
  shard.folder = folder.generic_string();
  return shard;
}

void check_one_set(const std::vector<Shard>& shards, const std::string& where) {
  std::vector<std::string> folders;
  for (const Shard& shard : shards) {
    const std::string name = shard.folder.empty() ? "." : printable(shard.folder);
    if (std::find(folders.begin(), folders.end(), name) == folders.end()) folders.push_back(name);
  }
  if (folders.size() > 1) {
    fail_unreadable("{} holds several data sets of Parquet files, in {}; give one of these folders",
                    where, join_some(folders));
  }
  std::map<Split, std::set<std::string>> sets;
  for (const Shard& shard : shards)
    sets[shard.part.split].insert(printable(set_of(shard.part.path)));
  for (const auto& [split, names] : sets) {
    if (split == Split::none || names.size() == 1) continue;
    fail_unreadable(
        "{} holds several sets of Parquet files for {}: {}; put the files of one of them into a "
        "folder of its own",
        where, split_name(split), join_some({names.begin(), names.end()}));
  }
}

}  // namespace

bool holds_parquet(const fs::path& path) {
  std::error_code failed;
  return fs::is_directory(path, failed) ? is_parquet_folder(path) : is_parquet(path);
}

std::vector<Part> parquet_shards(const fs::path& path, std::vector<std::string>& notes) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return {{path, Split::none}};
  std::vector<Shard> shards;
  for (const fs::path& file : parquet_files(path)) shards.push_back(shard_of(file, path));
  const auto beside = std::count_if(shards.begin(), shards.end(), [](const Shard& shard) {
    return shard.part.split == Split::none;
  });
  const std::string where = printable(path.string());
  if (beside > 0 && beside < static_cast<std::ptrdiff_t>(shards.size())) {
    std::erase_if(shards, [](const Shard& shard) { return shard.part.split == Split::none; });
    notes.push_back(fmt::format(
        "{}: {} Parquet file(s) whose names say no split are left out beside those that do", where,
        grouped(beside)));
  }
  check_one_set(shards, where);
  std::vector<Part> parts;
  for (Shard& shard : shards) parts.push_back(std::move(shard.part));
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.split, a.path) < std::tie(b.split, b.path);
  });
  return parts;
}

}  // namespace graft::data
