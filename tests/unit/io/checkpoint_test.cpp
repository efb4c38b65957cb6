#include <ATen/ATen.h>

#include <cstdlib>

#include "graft/base/error.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/io/hub_cache.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"

namespace graft::io {
namespace {
namespace fs = std::filesystem;
using test::ScratchDir;
using test::write_text;

fs::path golden(const std::string& name) {
  return test::source_dir() / "tests/golden/io" / name;
}

/// Sets an environment variable for one test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before, was_set_ = true;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Environment() { was_set_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::string before_;
  bool was_set_ = false;
};

TEST(Checkpoint, ReadsFilesByTheirContent) {
  const ScratchDir scratch;
  EXPECT_EQ(read_checkpoint(golden("types.safetensors")).size(), 19u);
  EXPECT_EQ(read_checkpoint(golden("state.pt")).size(), 18u);
  EXPECT_EQ(read_checkpoint(golden("state_legacy.pth")).size(), 18u);
  fs::copy(golden("types.safetensors"), scratch / "renamed.bin");
  EXPECT_EQ(read_checkpoint(scratch / "renamed.bin").size(), 19u);
  write_text(scratch / "model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch / "model.bin"), ErrorCode::unreadable, "Git LFS");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch / "absent.pt"), ErrorCode::unreadable, "absent.pt");
}

TEST(Checkpoint, PrefersSafetensorsInAFolder) {
  const ScratchDir scratch;
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch.path()), ErrorCode::unreadable, "model.safetensors");
  fs::copy(golden("state.pt"), scratch / "pytorch_model.bin");
  EXPECT_EQ(read_checkpoint(scratch.path()).size(), 18u);
  write_safetensors(scratch / "model.safetensors", {{"w", at::ones({2})}});
  EXPECT_EQ(read_checkpoint(scratch.path()).names(), std::vector<std::string>{"w"});
  EXPECT_EQ(find_checkpoint_file(scratch.path()), scratch / "model.safetensors");
}

TEST(Checkpoint, JoinsShards) {
  const ScratchDir scratch;
  write_safetensors(scratch / "model-00001-of-00002.safetensors",
                    {{"a", at::full({2}, 1.0)}, {"unlisted", at::full({1}, 5.0)}});
  write_safetensors(scratch / "model-00002-of-00002.safetensors",
                    {{"b", at::full({2}, 2.0)}, {"a", at::full({2}, 9.0)}});
  const auto index = [&](const std::string& map) {
    write_text(scratch / "model.safetensors.index.json",
               R"({"metadata":{},"weight_map":)" + map + "}");
  };
  const std::string first = R"("model-00001-of-00002.safetensors")";
  const std::string second = R"("model-00002-of-00002.safetensors")";
  index(R"({"a":)" + first + R"(,"b":)" + second + "}");
  const TensorMap map = read_checkpoint(scratch.path());
  EXPECT_EQ(map.names(), (std::vector<std::string>{"a", "unlisted", "b"}));
  EXPECT_EQ(map.at("a")[0].item<float>(), 1.0f);

  index(R"({"a":)" + first + R"(,"b":)" + first + "}");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch.path()), ErrorCode::unreadable,
                     "'b' in model-00001-of-00002.safetensors");
  index(R"({"a":"model-00003-of-00003.safetensors"})");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch.path()), ErrorCode::unreadable, "00003-of-00003");
  index(R"({"a":"../outside.safetensors"})");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch.path()), ErrorCode::unreadable,
                     "does not stay inside");
  index(R"({"a":"/etc/passwd"})");
  EXPECT_GRAFT_ERROR(read_checkpoint(scratch.path()), ErrorCode::unreadable,
                     "does not stay inside");
  for (const std::string bad : {"{}", "[]", "7", R"({"a":1})"}) {
    index(bad);
    EXPECT_THROW(read_checkpoint(scratch.path()), Error) << bad;
  }
}

TEST(HubCache, FindsSnapshotsByBranchTagAndCommit) {
  const ScratchDir scratch;
  const Environment cache("HF_HUB_CACHE", scratch.path().c_str());
  const fs::path model = scratch / "models--org--some.name-v1";
  fs::create_directories(model / "snapshots" / "abc123");
  fs::create_directories(model / "snapshots" / "def456");
  write_text(model / "refs" / "main", "abc123");
  write_text(model / "refs" / "refs" / "pr" / "1", "def456\n");
  EXPECT_EQ(find_in_hub_cache("org/some.name-v1"), model / "snapshots" / "abc123");
  EXPECT_EQ(find_in_hub_cache("org/some.name-v1@refs/pr/1"), model / "snapshots" / "def456");
  EXPECT_EQ(find_in_hub_cache("org/some.name-v1@def456"), model / "snapshots" / "def456");
  EXPECT_GRAFT_ERROR(find_in_hub_cache("org/some.name-v1@v2"), ErrorCode::unreadable,
                     "hf download org/some.name-v1 --revision v2");
  EXPECT_GRAFT_ERROR(find_in_hub_cache("org/other"), ErrorCode::unreadable,
                     "hf download org/other");
  write_text(model / "refs" / "main", "../../../etc");
  EXPECT_GRAFT_ERROR(find_in_hub_cache("org/some.name-v1"), ErrorCode::unreadable, "hf download");
  fs::create_directories(scratch / "models--gpt2" / "snapshots" / "main");
  EXPECT_EQ(find_in_hub_cache("gpt2"), scratch / "models--gpt2" / "snapshots" / "main");
}

TEST(HubCache, KnowsAnIdFromAPath) {
  for (const std::string id : {"org/name", "name", "org/name@main", "a_b/c.d-e@refs/pr/7"}) {
    EXPECT_TRUE(is_hub_id(id)) << id;
  }
  for (const std::string id :
       {"", "/", "org/", "/name", "a/b/c", "../name", "org/..", "org/na me", "./name", "org/name@",
        "org/name@../x", "org/name@/etc", "a--b/c", "~/models"}) {
    EXPECT_FALSE(is_hub_id(id)) << id;
  }
  EXPECT_GRAFT_ERROR(find_in_hub_cache("a/b/c"), ErrorCode::usage, "a/b/c");
}

TEST(HubCache, FolderFollowsTheEnvironment) {
  const Environment a("HF_HUB_CACHE", nullptr), b("HUGGINGFACE_HUB_CACHE", nullptr),
      c("XDG_CACHE_HOME", nullptr), d("HF_HOME", nullptr), e("HOME", "/home/me");
  EXPECT_EQ(hub_cache_folder(), "/home/me/.cache/huggingface/hub");
  const Environment xdg("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(hub_cache_folder(), "/x/huggingface/hub");
  const Environment home("HF_HOME", "/h");
  EXPECT_EQ(hub_cache_folder(), "/h/hub");
  const Environment old("HUGGINGFACE_HUB_CACHE", "/o");
  EXPECT_EQ(hub_cache_folder(), "/o");
  const Environment now("HF_HUB_CACHE", "/n");
  EXPECT_EQ(hub_cache_folder(), "/n");
}

}  // namespace
}  // namespace graft::io
