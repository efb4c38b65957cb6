#include <cstdlib>

#include "graft/base/error.h"
#include "graft/io/hub_cache.h"
#include "graft/models/load.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

/// Folders that may hold bundled models: beside the program, in the source tree, in the install
/// prefix.
std::vector<fs::path> bundle_folders() {
  std::vector<fs::path> folders;
  if (const char* given = std::getenv("GRAFT_MODELS")) folders.emplace_back(given);
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (fs::path at = program; at.has_relative_path(); at = at.parent_path()) {
    folders.push_back(at / "examples" / "models");
    folders.push_back(at / "share" / "graft" / "models");
  }
  return folders;
}

}  // namespace

fs::path find_model(const std::string& path) {
  if (path.empty())
    fail_usage(
        "model: no path was given; give a folder, a weight file, or org/name from the cache");
  if (fs::exists(path)) return path;
  for (const auto& folder : bundle_folders()) {
    if (path.find('/') == std::string::npos && fs::exists(folder / path)) return folder / path;
  }
  const auto slash = path.find('/');
  const bool hub_id = slash != std::string::npos && slash > 0 &&
                      path.find('/', slash + 1) == std::string::npos && path[0] != '.' &&
                      path[0] != '~';
  if (hub_id) return io::find_in_hub_cache(path);
  std::string bundled;
  for (const auto& folder : bundle_folders()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.is_directory())
        bundled += (bundled.empty() ? "" : ", ") + entry.path().filename().string();
    }
  }
  fail_unreadable(
      "model: there is no '{}': not a folder or file, not org/name, and not a bundled model ({})",
      path, bundled.empty() ? "none found" : bundled);
}

}  // namespace graft::models
