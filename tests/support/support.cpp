#include "tests/support/support.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace graft::test {
namespace fs = std::filesystem;

fs::path source_dir() {
  return GRAFT_SOURCE_DIR;
}

fs::path shared_dir() {
  if (const char* given = std::getenv("GRAFT_SHARED")) return given;
  return source_dir().parent_path() / "shared";
}

ScratchDir::ScratchDir() {
  static std::atomic<int> counter{0};
  path_ = fs::temp_directory_path() /
          ("graft-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
  fs::create_directories(path_);
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

bool missing_shared(const fs::path& path) {
  if (fs::exists(path)) return false;
  const char* required = std::getenv("GRAFT_REQUIRE_SHARED");
  if (required && std::string(required) == "1")
    ADD_FAILURE() << "GRAFT_REQUIRE_SHARED=1 but missing: " << path;
  return true;
}

}  // namespace graft::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
