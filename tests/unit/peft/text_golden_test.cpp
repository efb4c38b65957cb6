#include <torch/nn/functional/loss.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <map>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/models/load.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "tests/unit/peft/golden.h"

/// Adapters of text models (make_peft_texts.py): embeddings, output matrices, modules saved whole.
namespace graft {
namespace {

using test::gap;
using test::golden_dir;
using test::golden_tensors;

/// A golden text model with the adapter of a golden folder on it.
struct TextAdapted {
  explicit TextAdapted(const std::string& folder, bool untied = false) : name(folder) {
    std::string base = test::read_text(golden_dir() / "peft" / name / "base.txt");
    base.erase(base.find_last_not_of("\n ") + 1);
    file = peft::load_adapter(golden_dir() / "peft" / name);
    models::ModelSource source;
    source.path = (golden_dir() / "text_models" / base).string();
    if (language()) source.task = models::Task::next_token;
    model = models::load_model(source).model;
    if (untied) model = models::untie_head(*model).model;
    attached = peft::attach_adapter(model->registry(), file, rename());
    expected = golden_tensors("peft/" + name);
    inputs = golden_tensors("text_models/" + base);
  }
  bool language() const { return file.config["task_type"] == "CAUSAL_LM"; }
  peft::Rename rename() const {
    return [this](const std::string& path) {
      return models::module_name(models::find_family(model->family()), path);
    };
  }
  at::Tensor real() const { return inputs.at("attention_mask").to(at::kBool); }
  nn::Flow flow() const {
    nn::Flow flow("ids", inputs.at("input_ids").masked_select(real()));
    flow["lengths"] = real().sum(1);
    if (inputs.contains("token_type_ids"))
      flow["types"] = inputs.at("token_type_ids").masked_select(real());
    return flow;
  }
  at::Tensor logits() const {
    nn::Context context;
    return model->forward(flow(), context).at("logits");
  }
  /// The file's logits of real tokens, or of texts.
  at::Tensor wanted(const std::string& which) const {
    const at::Tensor& padded = expected.at(which);
    if (padded.dim() == 2) return padded;
    return padded.masked_select(real().unsqueeze(2)).view({-1, padded.size(2)});
  }
  /// The loss as training takes it, a mean.
  at::Tensor loss() const {
    const at::Tensor& labels = inputs.at("labels");
    if (!language()) return torch::nn::functional::cross_entropy(logits(), labels);
    nn::Flow in = flow();
    in["targets"] = at::constant_pad_nd(labels.narrow(1, 1, labels.size(1) - 1), {0, 1}, -100)
                        .masked_select(real());
    nn::Context context;
    const nn::Flow result = model->forward(std::move(in), context);
    EXPECT_FALSE(result.has("logits"));
    return result.at("loss") / result.at("texts").select(1, 1).sum();
  }
  /// What the adapter trains, by the names of the file.
  std::map<std::string, at::Tensor*> learned() const {
    std::map<std::string, at::Tensor*> found;
    for (nn::Seam* seam : model->registry().seams) {
      for (const auto& adapter : seam->adapters()) {
        for (const auto& tensor : adapter->parameters())
          found[seam->site().path + "." + tensor.name] = tensor.value;
      }
    }
    for (const auto& saved : attached.head) found[saved] = model->registry().find(saved)->value;
    for (const auto& [key, tensor] : found) tensor->set_requires_grad(true);
    return found;
  }

  std::string name;
  peft::LoadedAdapter file;
  std::unique_ptr<models::Model> model;
  peft::AttachedAdapter attached;
  io::TensorMap expected, inputs;
};

bool saves_one_of_a_tied_pair(const std::string& name) {
  return name == "llama_tied_saved";
}

class PeftTexts : public testing::TestWithParam<std::string> {
 protected:
  TextAdapted run{GetParam(), saves_one_of_a_tied_pair(GetParam())};
};

TEST_P(PeftTexts, LogitsAreThoseOfPeft) {
  const at::NoGradGuard no_grad;
  const at::Tensor adapted = run.logits();
  const double size = std::max(1.0, adapted.abs().max().item<double>());
  EXPECT_LE(gap(adapted, run.wanted("logits")), 1e-5 * size);
  EXPECT_GT(gap(adapted, run.wanted("logits_base")), 0.1);
  if (!run.expected.contains("logits_merged")) return;
  peft::merge_all(run.model->registry());
  EXPECT_LE(gap(run.logits(), run.wanted("logits_merged")), 1e-5 * size);
}

TEST_P(PeftTexts, LossAndGradientsAreThoseOfPeft) {
  // There the two adapters are one tensor.
  if (run.name == "llama_tied_ensured") return;
  const auto learned = run.learned();
  const at::Tensor loss = run.loss();
  EXPECT_NEAR(loss.item<double>(), run.expected.at("loss").item<double>(), 1e-4);
  loss.backward();
  size_t compared = 0;
  for (const auto& [name, tensor] : run.expected) {
    if (!name.starts_with("grad.")) continue;
    const auto found = learned.find(name.substr(5));
    ASSERT_NE(found, learned.end()) << name;
    const at::Tensor& ours = found->second->grad();
    ASSERT_TRUE(ours.defined()) << name;
    EXPECT_LT((ours - tensor).norm().item<double>(), 1e-4 * tensor.norm().item<double>() + 1e-7)
        << name;
    ++compared;
  }
  EXPECT_EQ(compared, learned.size());
}

TEST_P(PeftTexts, TenStepsOfAdamWLoseWhatPeftLoses) {
  if (run.name == "llama_tied_ensured") return;
  std::vector<at::Tensor> trained;
  for (const auto& [name, tensor] : run.learned()) trained.push_back(*tensor);
  torch::optim::AdamW optimizer(trained, torch::optim::AdamWOptions(1e-3).weight_decay(0));
  const at::Tensor losses = run.expected.at("train_loss");
  for (int64_t step = 0; step < losses.size(0); ++step) {
    optimizer.zero_grad();
    const at::Tensor loss = run.loss();
    loss.backward();
    optimizer.step();
    EXPECT_NEAR(loss.item<double>(), losses[step].item<double>(), 2e-4) << "step " << step;
  }
}

TEST_P(PeftTexts, SavedAgainItIsTheSameFile) {
  const test::ScratchDir scratch;
  peft::SaveInfo info;
  info.base_model = run.file.config["base_model_name_or_path"];
  info.auto_mapping = run.file.config["auto_mapping"];
  info.task_type = run.file.config["task_type"];
  for (const auto& saved : run.attached.head) {
    const size_t dot = saved.rfind('.');
    const std::string path = saved.substr(0, dot);
    if (info.modules.empty() || info.modules.back().path != path)
      info.modules.push_back({path, {}});
    info.modules.back().tensors.add(saved.substr(dot + 1),
                                    *run.model->registry().find(saved)->value);
  }
  const auto saved =
      peft::save_adapter(scratch / "out", run.model->registry(), run.attached.choice, info);
  EXPECT_TRUE(saved.left.empty());
  const io::SafetensorsReader ours(scratch / "out" / "adapter_model.safetensors");
  size_t repeated = 0;  // base weights, which peft's files have beside what was learned
  for (const auto& [name, tensor] : run.file.tensors) {
    if (name.find(".base_layer.") != std::string::npos) {
      ++repeated;
      continue;
    }
    ASSERT_TRUE(ours.contains("base_model.model." + name)) << name;
    EXPECT_TRUE(at::equal(ours.tensor("base_model.model." + name), tensor)) << name;
  }
  EXPECT_EQ(ours.names().size() + repeated, run.file.tensors.size());
  for (const char* key : {"r", "lora_alpha", "use_rslora", "task_type", "peft_type"})
    EXPECT_EQ(read_json(scratch / "out/adapter_config.json")[key], run.file.config[key]) << key;

  const at::NoGradGuard no_grad;
  TextAdapted again(run.name, saves_one_of_a_tied_pair(run.name));
  for (nn::Seam* seam : again.model->registry().seams) seam->detach_all();
  peft::attach_adapter(again.model->registry(), peft::load_adapter(scratch / "out"));
  EXPECT_EQ(gap(again.logits(), run.logits()), 0);
}

INSTANTIATE_TEST_SUITE_P(Adapters, PeftTexts,
                         testing::Values("llama_embedding", "llama_head", "llama_saved",
                                         "llama_tied_embedding", "llama_tied_head",
                                         "llama_tied_both", "llama_tied_ensured",
                                         "llama_tied_saved", "gemma2_embedding", "gpt2_embedding",
                                         "bert_embedding"),
                         [](const auto& tested) { return tested.param; });

TEST(PeftEmbeddings, OnlyRowsOfTheBatchGetAGradient) {
  TextAdapted run("llama_embedding");
  auto learned = run.learned();
  run.loss().backward();
  const at::Tensor& of_a = learned.at("model.embed_tokens.lora_embedding_A")->grad();
  EXPECT_EQ(of_a.sizes(), (at::IntArrayRef{4, 97}));
  EXPECT_EQ(of_a.strides(), learned.at("model.embed_tokens.lora_embedding_A")->strides())
      << "optimizers walk both in the order of memory";
  const at::Tensor touched = of_a.abs().sum(0).gt(0);
  at::Tensor there = at::zeros({97}, at::kBool);
  there.index_fill_(0, run.flow().at("ids"), true);
  EXPECT_FALSE(touched.logical_and(there.logical_not()).any().item<bool>());
  EXPECT_GT(touched.sum().item<int64_t>(), 10);
}

TEST(PeftEmbeddings, ATiedMatrixIsNotMergedInPlace) {
  TextAdapted run("llama_tied_embedding");
  EXPECT_THROW(peft::merge_all(run.model->registry()), std::logic_error);
}

TEST(PeftEmbeddings, ABaseOfAnotherSizeIsNamed) {
  TextAdapted run("llama_tied_head");
  peft::LoadedAdapter file = run.file;
  file.tensors.set("lm_head.base_layer.weight", at::zeros({99, 32}));
  auto again = models::untie_head(*run.model).model;
  EXPECT_GRAFT_ERROR(peft::attach_adapter(again->registry(), file), ErrorCode::unreadable,
                     "vocabulary was resized");
}

}  // namespace
}  // namespace graft
