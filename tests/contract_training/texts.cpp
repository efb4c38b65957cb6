#include "tests/contract_training/texts.h"

#include <torch/types.h>

#include <array>
#include <fstream>

#include "graft/base/rng.h"
#include "graft/data/text_inputs.h"
#include "graft/models/load.h"

namespace graft::contract {
namespace fs = std::filesystem;
namespace {

constexpr std::array<const char*, 3> kClasses = {"tree", "river", "bird"};

Json record(Labels labels, int i, uint64_t key) {
  static const std::array<const char*, 9> fill = {"the", "a",     "old",   "small", "red",
                                                  "is",  "green", "rests", "with"};
  Rng rng{key, static_cast<uint64_t>(i)};
  std::vector<std::string> words;
  for (int64_t n = rng.integer(2, 9); n > 0; --n)
    words.emplace_back(fill[static_cast<size_t>(rng.below(fill.size()))]);
  Json label;
  if (labels == Labels::one) {
    label = kClasses[static_cast<size_t>(i) % 3];
    words.emplace_back(label.get<std::string>());
  } else if (labels == Labels::several) {
    label = Json::array();
    for (size_t c = 0; c < kClasses.size(); ++c) {
      if (((i % 7 + 1) >> c & 1) == 0) continue;
      label.push_back(kClasses[c]);
      words.emplace_back(kClasses[c]);
    }
  } else {
    label = 0.5 + i % 5;
    for (int k = 0; k < i % 5; ++k) words.emplace_back("stone");
  }
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return {{"text", text}, {"label", label}};
}

}  // namespace

fs::path make_texts(const fs::path& folder, Labels labels) {
  fs::create_directories(folder);
  uint64_t key = 0;
  for (const auto& [split, count] :
       std::vector<std::pair<std::string, int>>{{"train", 36}, {"validation", 12}, {"test", 12}}) {
    std::ofstream file(folder / (split + ".jsonl"));
    ++key;
    for (int i = 0; i < count; ++i) file << record(labels, i, key).dump() << "\n";
  }
  return folder;
}

const fs::path& texts(Labels labels) {
  static const test::ScratchDir scratch;
  static const std::array<fs::path, 3> folders = {make_texts(scratch / "one", Labels::one),
                                                  make_texts(scratch / "several", Labels::several),
                                                  make_texts(scratch / "number", Labels::number)};
  return folders[static_cast<size_t>(labels)];
}

fs::path word_piece() {
  return test::source_dir() / "tests/contract_training/word_piece";
}

Json tiny_bert() {
  return {{"model_type", "bert"},          {"vocab_size", 96},         {"hidden_size", 32},
          {"num_hidden_layers", 3},        {"num_attention_heads", 4}, {"intermediate_size", 48},
          {"max_position_embeddings", 24}, {"initializer_range", 0.2}};
}

const fs::path& text_base() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    models::ModelSource source;
    source.config = tiny_bert();
    source.random = true;
    source.seed = 3;
    source.tokenizer = word_piece().string();
    models::save_model(*models::load_model(source, {"one", "two"}).model, scratch / "base");
    return scratch / "base";
  }();
  return folder;
}

Json text_config(const fs::path& output, Labels labels) {
  Json config = config_of("vit", output);
  config["task"] = labels == Labels::number ? "text-regression" : "text-classification";
  config["model"] = text_base().string();
  config["data"] = texts(labels).string();
  config["metric"] = labels == Labels::number    ? "pearson"
                     : labels == Labels::several ? "macro_f1"
                                                 : "accuracy";
  config["train"]["lr"] = 0.003;
  return config;
}

at::Tensor text_logits(models::Model& model, const data::View& view) {
  const at::NoGradGuard no_grad;
  std::vector<graft::texts::Tokens> tokens;
  for (int64_t i = 0; i < view.size(); ++i) {
    const data::Text text = view.text(i);
    tokens.push_back(model.text_preprocess().apply(text.first, text.second));
  }
  nn::Context context;
  return model.forward(data::to_flow(tokens).to(model.device()), context)
      .at("logits")
      .cpu()
      .clone();
}

}  // namespace graft::contract
