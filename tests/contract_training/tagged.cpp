#include "tests/contract_training/tagged.h"

#include <torch/types.h>

#include <array>
#include <fstream>

#include "graft/base/rng.h"
#include "tests/contract_training/texts.h"

namespace graft::contract {
namespace fs = std::filesystem;
namespace {

constexpr std::array<const char*, 5> kNames = {"ann", "bob", "eve", "kim", "zoe"};
constexpr std::array<const char*, 4> kColours = {"red", "green", "blue", "old"};
constexpr std::array<const char*, 4> kThings = {"tree", "river", "stone", "bird"};
constexpr std::array<const char*, 4> kDeeds = {"sings", "falls", "flows", "rests"};

template <size_t N>
const char* one_of(const std::array<const char*, N>& words, Rng& rng) {
  return words[static_cast<size_t>(rng.below(N))];
}

/// Lines of "word tag", and an empty one.
std::string sentence(int i, uint64_t key) {
  Rng rng{key, static_cast<uint64_t>(i)};
  std::string lines;
  const auto add = [&lines](const std::string& word, const char* tag) {
    lines += word + " " + tag + "\n";
  };
  // At most 18 tokens, and the two around them; the model takes 24.
  if (i % 3 != 0) {
    add(one_of(kNames, rng), "B-PER");
    if (rng.chance(0.5)) add(one_of(kNames, rng), "I-PER");
    add(one_of(kDeeds, rng), "O");
    add("with", "O");
  }
  if (i % 4 != 0) {
    add("the", "O");
    const bool coloured = rng.chance(0.5);
    if (coloured) add(one_of(kColours, rng), "B-THING");
    add(one_of(kThings, rng), coloured ? "I-THING" : "B-THING");
  }
  add(one_of(kDeeds, rng), "O");
  add(".", "O");
  return lines + "\n";
}

}  // namespace

const fs::path& tagged() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    uint64_t key = 40;
    for (const auto& [split, count] : std::vector<std::pair<std::string, int>>{
             {"train", 36}, {"validation", 12}, {"test", 12}}) {
      std::ofstream file(scratch / (split + ".txt"));
      ++key;
      for (int i = 0; i < count; ++i) file << sentence(i, key);
    }
    return scratch.path();
  }();
  return folder;
}

Json tag_config(const fs::path& output) {
  Json config = config_of("vit", output);
  config["task"] = "token-classification";
  config["model"] = text_base().string();
  config["data"] = tagged().string();
  config["metric"] = "entity_f1";
  config["train"]["lr"] = 0.003;
  return config;
}

std::vector<Word> words_of(const data::View& view, int64_t position) {
  const data::Text text = view.text(position);
  std::vector<Word> words;
  for (size_t i = 0; i < text.words.size(); ++i) {
    const auto [begin, end] = text.words[i];
    words.push_back({text.first.substr(begin, end - begin), view.sample(position).labels[i]});
  }
  return words;
}

at::Tensor word_scores(models::Model& model, const std::vector<Word>& words) {
  const at::NoGradGuard no_grad;
  const auto& tokenizer = *model.text_preprocess().tokenizer;
  const auto around = tokenizer.encode("").ids;  // [CLS] [SEP]
  std::vector<int64_t> ids = {around.front()};
  std::vector<int64_t> first;
  for (const Word& word : words) {
    first.push_back(static_cast<int64_t>(ids.size()));
    for (const uint32_t id : tokenizer.encode(word.text, {.add_special = false}).ids)
      ids.push_back(id);
  }
  ids.push_back(around.back());
  nn::Flow flow("ids", at::tensor(ids, at::kLong));
  flow["lengths"] = at::tensor({static_cast<int64_t>(ids.size())}, at::kLong);
  nn::Context context;
  const at::Tensor logits = model.forward(flow.to(model.device()), context).at("logits").cpu();
  return at::log_softmax(logits.index_select(0, at::tensor(first, at::kLong)).to(at::kDouble), 1);
}

std::pair<double, int64_t> word_loss(models::Model& model, const data::View& view) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < view.size(); ++i) {
    const std::vector<Word> words = words_of(view, i);
    const at::Tensor scores = word_scores(model, words);
    for (size_t w = 0; w < words.size(); ++w)
      sum -= scores[static_cast<int64_t>(w)][words[w].label].item<double>();
    count += static_cast<int64_t>(words.size());
  }
  return {sum, count};
}

}  // namespace graft::contract
