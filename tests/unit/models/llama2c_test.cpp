#include <gtest/gtest.h>
#include <torch/types.h>

#include <fstream>

#include "graft/base/error.h"
#include "graft/models/convert.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Real language models: llama2.c's of ../shared/weights, against the numbers of its README (made
/// in numpy from the original files).
namespace graft::models::test {
namespace {

namespace fs = std::filesystem;

struct Published {
  std::string folder;
  std::vector<std::pair<int64_t, double>> top;  // logits at position 0 after BOS
  std::vector<int64_t> greedy;
};

const Published kStories = {"stories260K",
                            {{403, 17.0235}, {385, 15.4062}, {410, 13.1083}, {317, 12.7692}},
                            {1,   403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421,
                             395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292}};
const Published kBabyLlama = {
    "babyllama-tok105",
    {{3, 8.3135}, {13, 3.0107}, {1, 2.7597}, {9, 2.6903}},
    {1, 3, 34, 9, 22, 4, 3, 18, 20, 7, 9, 3, 5, 3, 6, 10, 16, 4, 25, 3, 6, 8, 4, 13, 4}};

LoadedModel converted(const std::string& name, const fs::path& folder) {
  convert_model(graft::test::shared_dir() / "weights" / name, folder, false);
  ModelSource source;
  source.path = folder.string();
  source.task = Task::next_token;
  return load_model(source);
}

at::Tensor last_logits(Model& model, const std::vector<int64_t>& ids) {
  const at::NoGradGuard no_grad;
  nn::Flow flow("ids", at::tensor(ids, at::kLong));
  flow["lengths"] = at::full({1}, static_cast<int64_t>(ids.size()), at::kLong);
  nn::Context context;
  return model.forward(flow, context).at("logits")[-1];
}

void expect_published(const Published& p) {
  GRAFT_NEEDS_SHARED("weights/" + p.folder);
  const graft::test::ScratchDir dir;
  const LoadedModel loaded = converted(p.folder, dir / "model");
  EXPECT_TRUE(loaded.unused.empty());
  const at::Tensor first = last_logits(*loaded.model, {1});
  const at::Tensor order = std::get<1>(first.topk(static_cast<int64_t>(p.top.size())));
  for (size_t i = 0; i < p.top.size(); ++i) {
    EXPECT_EQ(order[static_cast<int64_t>(i)].item<int64_t>(), p.top[i].first);
    EXPECT_NEAR(first[p.top[i].first].item<double>(), p.top[i].second, 1e-3);
  }
  std::vector<int64_t> ids = {p.greedy.front()};
  while (ids.size() < p.greedy.size())
    ids.push_back(last_logits(*loaded.model, ids).argmax().item<int64_t>());
  EXPECT_EQ(ids, p.greedy);
}

TEST(Llama2c, StoriesContinueAsPublished) {
  expect_published(kStories);
}

TEST(Llama2c, BabyLlamaContinuesAsPublished) {
  expect_published(kBabyLlama);
}

TEST(Llama2c, TheTokenizerComesAlong) {
  GRAFT_NEEDS_SHARED("weights/stories260K");
  const graft::test::ScratchDir dir;
  const LoadedModel loaded = converted("stories260K", dir / "model");
  const auto& tokenizer = *loaded.model->text_preprocess().tokenizer;
  std::vector<uint32_t> ids;
  ids.reserve(kStories.greedy.size());
  for (const int64_t id : kStories.greedy) ids.push_back(static_cast<uint32_t>(id));
  const std::string text = tokenizer.decode(ids);
  EXPECT_TRUE(text.starts_with("Once upon a time, there was a little girl named Lily. ")) << text;
  EXPECT_EQ(tokenizer.encode(text).ids, ids);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("caf\u00e9 \u2713").ids), "caf\u00e9 \u2713");
}

TEST(Llama2c, WhatIsCutIsAnError) {
  GRAFT_NEEDS_SHARED("weights/stories260K");
  const graft::test::ScratchDir dir;
  const fs::path source = graft::test::shared_dir() / "weights" / "stories260K";
  fs::copy_file(source / "stories260K.bin", dir / "model.bin");
  // Without a tokenizer.
  EXPECT_GRAFT_ERROR(convert_model(dir / "model.bin", dir / "out", false), ErrorCode::unreadable,
                     "tokenizer");
  fs::copy_file(source / "tok512.bin", dir / "tok512.bin");
  fs::permissions(dir / "tok512.bin", fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(dir / "tok512.bin", 6000);
  EXPECT_GRAFT_ERROR(convert_model(dir / "model.bin", dir / "out", false), ErrorCode::unreadable,
                     "512 pieces");
  EXPECT_FALSE(fs::exists(dir / "out"));
  fs::permissions(dir / "model.bin", fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(dir / "model.bin", 1000000);
  EXPECT_GRAFT_ERROR(convert_model(dir / "model.bin", dir / "out", false), ErrorCode::unreadable,
                     "model.bin");
}

}  // namespace
}  // namespace graft::models::test
