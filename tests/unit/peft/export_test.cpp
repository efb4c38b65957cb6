#include <cstdlib>

#include "graft/models/family.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "tests/unit/peft/golden.h"

/// Folders that graft writes. With GRAFT_WRITE_ADAPTERS=<folder> they stay there, and
/// tests/golden/peft/check_with_peft.py loads them with peft itself.
namespace graft {
namespace {

using test::gap;
using test::logits_of;

struct Export {
  std::string name;
  std::string model;    ///< below tests/golden/models
  std::string library;  ///< of transformers
  Json method;
  size_t left = 0;  ///< layers that peft has no form for
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Export& tested, std::ostream* out) {
  *out << tested.name;
}

const std::vector<Export> kExports = {
    {"vit", "vit", "vit", {{"name", "lora"}, {"r", 4}}},
    {"vit_rslora",
     "vit",
     "vit",
     {{"name", "lora"}, {"r", 3}, {"rslora", true}, {"target", {"fc1", "o_proj"}}}},
    {"deit_teacher",
     "deit_teacher",
     "deit",
     {{"name", "lora"}, {"r", 2}, {"alpha", 2.5}, {"init", "gaussian"}}},
    {"dinov2_swiglu", "dinov2_swiglu", "dinov2", {{"name", "lora"}, {"r", 2}, {"target", "all"}}},
    {"resnet_basic", "resnet_basic", "resnet", {{"name", "lora"}, {"r", 2}, {"target", "all"}}},
    {"resnet_v1", "resnet_v1", "resnet", {{"name", "lora"}, {"r", 2}, {"target", "all"}}},
    // Depthwise convolutions: padded with zeros.
    {"convnext", "convnext", "convnext", {{"name", "lora"}, {"r", 2}, {"target", "all"}}},
    {"convnext_rslora",
     "convnext",
     "convnext",
     {{"name", "lora"}, {"r", 1}, {"rslora", true}, {"target", "all"}}},
    // Its last depthwise layers are dilated (output_stride 16).
    {"mobilenet_v2_sym",
     "mobilenet_v2_sym",
     "mobilenet_v2",
     {{"name", "lora"}, {"r", 2}, {"target", "all"}},
     3},
};

class PeftExport : public testing::TestWithParam<Export> {};

TEST_P(PeftExport, WhatIsWrittenGivesTheSameLogits) {
  const at::NoGradGuard no_grad;
  const auto& [name, base, library, method, left] = GetParam();
  auto model = test::golden_model(base);
  const at::Tensor pixels = test::golden_tensors("models/" + base).at("pixels");
  const at::Tensor before = logits_of(*model, pixels);
  const peft::Choice choice = peft::parse_methods(method).front();
  peft::attach(model->registry(), {choice}, model->head(), nn::Init(1));
  const nn::Init init(3);
  for (nn::Seam* seam : model->registry().seams) {
    for (const auto& adapter : seam->adapters()) {
      for (const auto& tensor : adapter->parameters()) {
        init.normal(seam->site().path + tensor.name, *tensor.value, 0.1);
      }
    }
  }
  // A head that trained, as the caller hands it over.
  std::map<std::string, io::TensorMap> modules;
  for (const auto& p : model->registry().parameters) {
    if (p.is_buffer() || model->block_span(p.block) != models::Span::head) continue;
    at::Tensor noise = at::empty_like(*p.value);
    init.normal(p.name, noise, 0.1);
    p.value->add_(noise);
    const size_t dot = p.name.rfind('.');
    modules[p.name.substr(0, dot)].add(p.name.substr(dot + 1), *p.value);
  }
  peft::SaveInfo info;
  for (const auto& [path, tensors] : modules) info.modules.push_back({path, tensors});
  info.base_model = (test::golden_dir() / "models" / base).string();
  info.auto_mapping = {
      {"base_model_class", model->config()["architectures"][0]},
      {"parent_library", "transformers.models." + library + ".modeling_" + library}};

  const test::ScratchDir scratch;
  const char* kept = std::getenv("GRAFT_WRITE_ADAPTERS");
  const std::filesystem::path folder = (kept ? std::filesystem::path(kept) : scratch.path()) / name;
  const auto saved = peft::save_adapter(folder, model->registry(), choice, info);
  EXPECT_GE(saved.layers, 4);
  EXPECT_EQ(saved.left.size(), left);
  for (nn::Seam* seam : model->registry().seams) {
    if (std::find(saved.left.begin(), saved.left.end(), seam->site().path) != saved.left.end())
      seam->detach_all();
  }
  const at::Tensor expected = logits_of(*model, pixels);
  EXPECT_GT(gap(expected, before), 0.05);
  if (kept)
    io::write_safetensors(folder / "expected.safetensors",
                          {{"pixels", pixels}, {"logits", expected}});

  auto again = test::golden_model(base);
  peft::attach_adapter(again->registry(), peft::load_adapter(folder));
  EXPECT_LE(gap(logits_of(*again, pixels), expected), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Folders, PeftExport, testing::ValuesIn(kExports),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace graft
