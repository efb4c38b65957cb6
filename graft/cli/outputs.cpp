#include "graft/cli/outputs.h"

#include <filesystem>

#include "graft/base/error.h"

namespace graft::cli {
namespace fs = std::filesystem;

void claim_new_folder(const std::string& command, const std::string& folder) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) {
    fail_usage("{}: {} is there and is not a folder; give another --output", command, folder);
  }
  if (!fs::is_empty(folder)) {
    fail_usage("{}: {} is there already and holds files; remove it, or give another --output",
               command, folder);
  }
}

}  // namespace graft::cli
