#include "graft/data/split_files.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/parquet_shards.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

Split split_of_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string rest = name.find('.') == std::string::npos ? "" : name.substr(name.find('.'));
  static const std::set<std::string> kinds = {".csv", ".tsv", ".tar", ".tar.gz", ".tgz"};
  const Split split = split_called(name.substr(0, name.find('.')));
  if (split != Split::none && kinds.contains(rest)) return split;
  if (name[0] == '.' || split_in(name) == Split::none || holds_parquet(path)) return Split::none;
  const Format* format = find_format(path, nullptr);
  if (!format || format->content != Content::texts) return Split::none;
  // Documents have names of all kinds: only train.txt is a split, readme_train.md is not.
  if (format->name == "plain-text") return rest == ".txt" ? split : Split::none;
  return split_in(name);
}

}  // namespace

Split split_in(const std::string& name) {
  std::set<Split> found;
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find_first_of("._- ", start), name.size());
    found.insert(split_called(name.substr(start, end - start)));
    start = end + 1;
  }
  found.erase(Split::none);
  return found.size() == 1 ? *found.begin() : Split::none;
}

std::vector<Part> split_files(const fs::path& folder) {
  std::vector<Part> parts;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (!entry.is_regular_file(failed)) continue;
    const Split split = split_of_file(entry.path());
    if (split != Split::none) parts.push_back({entry.path(), split});
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.split, a.path) < std::tie(b.split, b.path);
  });
  const auto name_of = [](const Part& part) { return printable(part.path.filename().string()); };
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].split != parts[i - 1].split) continue;
    fail_unreadable(
        "{} holds {} and {}, two files for one split; give data.train, data.validation and "
        "data.test",
        folder.string(), name_of(parts[i - 1]), name_of(parts[i]));
  }
  if (parts.empty() || parts.front().split == Split::train) return parts;
  const Format* format = find_format(parts.front().path, nullptr);
  if (format && format->content == Content::texts) {
    fail_unreadable(
        "{} holds {} and no file to train on; give that file as the path to divide it, or "
        "data.train",
        folder.string(), name_of(parts.front()));
  }
  return {};
}

}  // namespace graft::data
