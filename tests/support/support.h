#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

/// What every test program shares: where things lie, scratch folders, and skipping for want of
/// ../shared.
namespace graft::test {

/// The root of the source tree.
std::filesystem::path source_dir();

/// `../shared` beside the project (or GRAFT_SHARED), whether or not it exists.
std::filesystem::path shared_dir();

/// A folder of its own for one test, removed at the end.
class ScratchDir {
 public:
  ScratchDir();
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_text(const std::filesystem::path& path, const std::string& text);
std::string read_text(const std::filesystem::path& path);

/// True when the test must skip (path absent); fails instead when GRAFT_REQUIRE_SHARED=1.
bool missing_shared(const std::filesystem::path& path);

}  // namespace graft::test

/// Skips the running test unless `../shared/<relative>` exists.
#define GRAFT_NEEDS_SHARED(relative)                                                         \
  do {                                                                                       \
    if (graft::test::missing_shared(graft::test::shared_dir() / (relative))) {               \
      GTEST_SKIP() << "needs " << (graft::test::shared_dir() / (relative)) << ", not there"; \
    }                                                                                        \
  } while (false)

/// Expects a graft::Error whose message contains `part`.
#define EXPECT_GRAFT_ERROR(statement, error_code, part)                                        \
  try {                                                                                        \
    statement;                                                                                 \
    ADD_FAILURE() << "expected an error that says: " << (part);                                \
  } catch (const graft::Error& e) {                                                            \
    EXPECT_EQ(static_cast<int>(e.code()), static_cast<int>(error_code)) << e.what();           \
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << "it says: " << e.what(); \
  }
