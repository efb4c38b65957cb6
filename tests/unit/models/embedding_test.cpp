#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "graft/nn/sequences.h"
#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

/// Chains without a head: a text becomes one vector.
namespace graft::models::test {
namespace {

at::Tensor features(Model& model, nn::Flow flow) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  return model.forward(std::move(flow), context).at("features");
}

/// The folder of a golden model with the files of sentence-transformers that are given.
class SentenceFolder {
 public:
  explicit SentenceFolder(const std::string& name) {
    for (const char* file : {"config.json", "model.safetensors"})
      std::filesystem::copy_file(text_golden_folder() / name / file, folder_ / file);
  }
  void add(const std::string& file, const Json& json) const {
    std::filesystem::create_directories((folder_ / file).parent_path());
    write_json(folder_ / file, json);
  }
  void add_modules(const std::vector<std::string>& kinds) const {
    Json modules = Json::array();
    for (const std::string& kind : kinds) {
      const std::string path =
          kind == "Transformer" ? "" : std::to_string(modules.size()) + "_" + kind;
      modules.push_back({{"idx", modules.size()},
                         {"name", std::to_string(modules.size())},
                         {"path", path},
                         {"type", "sentence_transformers.models." + kind}});
    }
    add("modules.json", modules);
  }
  LoadedModel load(const Json& overrides = Json(), Task task = Task::embedding) const {
    ModelSource source;
    source.path = folder_.path().string();
    source.task = task;
    source.config = overrides;
    return load_model(source);
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  graft::test::ScratchDir folder_;
};

TEST(Embedding, PoolsWhatTransformersGives) {
  const io::TensorMap golden =
      io::SafetensorsReader(text_golden_folder() / "bert_base" / "golden.safetensors").all();
  const nn::Flow flow = text_flow(golden);
  const at::Tensor& lengths = flow.at("lengths");
  const at::Tensor mask = golden.at("attention_mask").to(at::kBool);
  const at::Tensor& padded = golden.at("last_hidden_state");
  const at::Tensor rows = padded.masked_select(mask.unsqueeze(2)).view({-1, padded.size(2)});
  const std::pair<Json, at::Tensor> cases[] = {
      {Json(), nn::mean_rows(rows, lengths)},
      {{{"classifier_pooling", "cls"}}, rows.index_select(0, nn::first_rows(lengths))},
      {{{"classifier_pooling", "last"}}, rows.index_select(0, nn::last_rows(lengths))}};
  for (const auto& [overrides, expected] : cases) {
    const TextCase c("bert_base", Task::embedding, overrides);
    EXPECT_LT(largest_difference(features(c.model(), text_flow(golden)), expected), kTolerance);
    EXPECT_EQ(c.loaded.unused.size(), 0u);
  }
}

TEST(Embedding, ThereIsNoHead) {
  for (const char* name : {"bert_base", "roberta", "distilbert", "modernbert", "deberta_v3", "gpt2",
                           "llama", "gemma3_text"}) {
    const TextCase c(name, Task::embedding);
    EXPECT_EQ(c.model().head(), c.model().size()) << name;
    EXPECT_FALSE(c.model().has_classifier());
    EXPECT_EQ(c.model().problem(), Target::similarity);
    EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
    EXPECT_TRUE(c.loaded.head.layers.empty());
    const nn::Flow flow = text_flow(c.tensors);
    const at::Tensor out = features(c.model(), text_flow(c.tensors));
    EXPECT_EQ(out.size(0), flow.at("lengths").size(0));
    // What lies beside a text changes nothing about its vector.
    const int64_t first = flow.at("lengths")[0].item<int64_t>();
    nn::Flow alone("ids", flow.at("ids").narrow(0, 0, first));
    alone["lengths"] = flow.at("lengths").narrow(0, 0, 1);
    EXPECT_LT(largest_difference(features(c.model(), std::move(alone))[0], out[0]), 1e-4) << name;
  }
}

TEST(Embedding, IsInFloatWhateverTheActivationsAre) {
  const TextCase c("bert_base", Task::embedding, {{"normalize_features", true}});
  const at::Tensor exact = features(c.model(), text_flow(c.tensors));
  c.model().set_precision(at::kBFloat16);
  const at::Tensor out = features(c.model(), text_flow(c.tensors));
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT((out.norm(2, {1}) - 1).abs().max().item<double>(), 1e-6);
  EXPECT_LT(relative_difference(out, exact), 0.05);
}

TEST(Embedding, TheFolderSaysHow) {
  const SentenceFolder folder("bert");
  folder.add_modules({"Transformer", "Pooling", "Normalize"});
  folder.add("1_Pooling/config.json",
             {{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}});
  const LoadedModel loaded = folder.load();
  EXPECT_EQ(loaded.model->config()["classifier_pooling"], "cls");
  const nn::Flow flow = text_flow(TextCase("bert").tensors);
  EXPECT_LT((features(*loaded.model, flow).norm(2, {1}) - 1).abs().max().item<double>(), 1e-6);
  // New files say it in one word.
  folder.add("1_Pooling/config.json", {{"pooling_mode", "mean"}});
  EXPECT_EQ(folder.load().model->config()["classifier_pooling"], "mean");
  // The user has the last word.
  EXPECT_EQ(folder.load({{"classifier_pooling", "last"}}).model->config()["classifier_pooling"],
            "last");
  // A classifier reads the same.
  const Json config = folder.load(Json(), Task::classes).model->config();
  EXPECT_EQ(config["classifier_pooling"], "mean");
  EXPECT_FALSE(config.contains("normalize_features"));
}

/// ModernBERT's configs speak of the classifier's pooling; that of the embeddings is another
/// matter.
TEST(Embedding, TheFolderOutranksTheConfig) {
  const SentenceFolder folder("modernbert_mean");
  folder.add("1_Pooling/config.json", {{"pooling_mode_cls_token", true}});
  EXPECT_EQ(folder.load().model->config()["classifier_pooling"], "cls");
  EXPECT_EQ(folder.load(Json(), Task::classes).model->config()["classifier_pooling"], "mean");
}

TEST(Embedding, WhatGraftHasNotIsAnError) {
  const SentenceFolder folder("bert");
  folder.add_modules({"Transformer", "Pooling", "Dense"});
  folder.add("1_Pooling/config.json", {{"pooling_mode_mean_tokens", true}});
  EXPECT_GRAFT_ERROR(folder.load(), ErrorCode::unreadable, "a module Dense");
  folder.add_modules({"Transformer", "Pooling"});
  folder.add("1_Pooling/config.json", {{"pooling_mode_max_tokens", true}});
  EXPECT_GRAFT_ERROR(folder.load(), ErrorCode::unreadable, "max pooling");
  folder.add("1_Pooling/config.json", {{"pooling_mode", {"cls", "mean"}}});
  EXPECT_GRAFT_ERROR(folder.load(), ErrorCode::unreadable, "cls and mean pooling");
  EXPECT_EQ(folder.load({{"classifier_pooling", "mean"}}).model->size(), 3);
  // For classes the head is new anyhow.
  folder.load(Json(), Task::classes);
}

TEST(Embedding, SavedItIsAFolderOfSentenceTransformers) {
  for (const bool normalizes : {true, false}) {
    const SentenceFolder folder("bert");
    folder.add_modules(normalizes ? std::vector<std::string>{"Transformer", "Pooling", "Normalize"}
                                  : std::vector<std::string>{"Transformer", "Pooling"});
    folder.add("1_Pooling/config.json", {{"pooling_mode_mean_tokens", true}});
    const LoadedModel loaded = folder.load();
    const graft::test::ScratchDir scratch;
    save_model(*loaded.model, scratch.path());
    const Json modules = read_json(scratch / "modules.json");
    ASSERT_EQ(modules.size(), normalizes ? 3u : 2u);
    EXPECT_EQ(modules[1]["type"], "sentence_transformers.models.Pooling");
    const Json pooling = read_json(scratch.path() / "1_Pooling" / "config.json");
    EXPECT_EQ(pooling["pooling_mode_mean_tokens"], true);
    EXPECT_EQ(pooling["pooling_mode_cls_token"], false);
    EXPECT_EQ(pooling["word_embedding_dimension"], 32);
    EXPECT_EQ(read_json(scratch / "config.json")["architectures"], Json::array({"BertModel"}));
    // Files of bare models have no prefix.
    EXPECT_TRUE(io::SafetensorsReader(scratch / "model.safetensors")
                    .all()
                    .contains("embeddings.word_embeddings.weight"));
    ModelSource source;
    source.path = scratch.path().string();
    source.task = Task::embedding;
    const LoadedModel again = load_model(source);
    const nn::Flow flow = text_flow(TextCase("bert").tensors);
    EXPECT_TRUE(at::equal(features(*again.model, flow), features(*loaded.model, flow)));
  }
}

/// The MiniLM of scripts/minilm against transformers: tests/golden/embeddings/make_embeddings.py.
TEST(Embedding, MiniLM) {
  const auto folder = graft::test::source_dir() / ".deps" / "minilm";
  if (!std::filesystem::exists(folder / "modules.json"))
    GTEST_SKIP() << "needs " << folder << " (scripts/minilm), not there";
  const Json golden =
      read_json(graft::test::source_dir() / "tests" / "golden" / "embeddings" / "minilm.json");
  ModelSource source;
  source.path = folder.string();
  source.task = Task::embedding;
  const LoadedModel loaded = load_model(source);
  ASSERT_GE(golden["texts"].size(), 4u);
  std::vector<int64_t> ids, lengths;
  for (const Json& text : golden["texts"]) {
    const auto tokens = loaded.model->text_preprocess().apply(text["text"].get<std::string>());
    EXPECT_EQ(tokens.ids, text["ids"].get<std::vector<int32_t>>());
    ids.insert(ids.end(), tokens.ids.begin(), tokens.ids.end());
    lengths.push_back(static_cast<int64_t>(tokens.ids.size()));
  }
  nn::Flow flow("ids", at::tensor(ids, at::kLong));
  flow["lengths"] = at::tensor(lengths, at::kLong);
  const at::Tensor out = features(*loaded.model, std::move(flow));
  for (size_t i = 0; i < golden["texts"].size(); ++i) {
    const auto values = golden["texts"][i]["embedding"].get<std::vector<double>>();
    const at::Tensor expected = at::tensor(values, at::kDouble);
    EXPECT_LT(largest_difference(out[static_cast<int64_t>(i)], expected), 1e-5) << i;
  }
}

}  // namespace
}  // namespace graft::models::test
