#include "graft/cli/inputs.h"

#include <algorithm>
#include <set>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::cli {
namespace fs = std::filesystem;
namespace {

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".webp";
}

}  // namespace

std::vector<fs::path> picture_files(const std::vector<std::string>& words) {
  std::vector<fs::path> files;
  std::set<std::string> seen;
  const auto add = [&](const fs::path& file) {
    if (seen.insert(file.string()).second) files.push_back(file);
  };
  for (const auto& word : words) {
    if (fs::is_directory(word)) {
      std::vector<fs::path> inside;
      for (const auto& entry : fs::recursive_directory_iterator(word)) {
        if (entry.is_regular_file() && is_picture(entry.path())) inside.push_back(entry.path());
      }
      if (inside.empty()) fail_unreadable("{} holds no .jpg, .png or .webp file", word);
      std::sort(inside.begin(), inside.end());
      for (const auto& file : inside) add(file);
    } else if (fs::exists(word)) {
      add(word);
    } else {
      const auto found = glob_files(word);
      if (found.empty()) fail_unreadable("there is no file, folder or match for {}", word);
      for (const auto& file : found) add(file);
    }
  }
  return files;
}

}  // namespace graft::cli
