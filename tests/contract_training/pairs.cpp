#include "tests/contract_training/pairs.h"

#include <torch/types.h>

#include <array>
#include <fstream>

#include "graft/base/rng.h"
#include "tests/contract_training/texts.h"

namespace graft::contract {
namespace fs = std::filesystem;
namespace {

constexpr std::array<const char*, 5> kColours = {"red", "green", "blue", "old", "small"};
constexpr std::array<const char*, 4> kThings = {"tree", "river", "stone", "bird"};
constexpr std::array<const char*, 4> kDeeds = {"sings", "falls", "flows", "rests"};
constexpr size_t kFacts = kColours.size() * kThings.size() * kDeeds.size();

struct Fact {
  size_t colour, thing, deed;
};

Fact fact(size_t i) {
  return {i % 5, i / 5 % 4, i / 20};
}

std::string said(const Fact& f) {
  return fmt::format("the {} {} {}", kColours[f.colour], kThings[f.thing], kDeeds[f.deed]);
}

std::string told(const Fact& f) {
  return fmt::format("{} on a {} {}", kDeeds[f.deed], kColours[f.colour], kThings[f.thing]);
}

Json record(Kind kind, size_t i) {
  const Fact f = fact(i);
  if (kind == Kind::scored) {
    const Fact other = fact(Rng{i}.below(kFacts));
    const int shared =
        (f.colour == other.colour) + (f.thing == other.thing) + (f.deed == other.deed);
    const Fact& second = i % 4 == 0 ? f : other;
    return {{"sentence1", said(f)},
            {"sentence2", told(second)},
            {"score", i % 4 == 0 ? 5.0 : 1 + shared}};
  }
  Json record = {{"anchor", said(f)}, {"positive", told(f)}};
  Fact wrong = f;
  wrong.colour = (f.colour + 1) % kColours.size();
  if (kind == Kind::triples) record["negative"] = told(wrong);
  return record;
}

fs::path make_pairs(const fs::path& folder, Kind kind) {
  fs::create_directories(folder);
  const std::vector<int64_t> order = Rng{11}.permutation(kFacts);
  size_t next = 0;
  for (const auto& [split, count] :
       std::vector<std::pair<std::string, int>>{{"train", 32}, {"validation", 12}, {"test", 12}}) {
    std::ofstream file(folder / (split + ".jsonl"));
    for (int i = 0; i < count; ++i)
      file << record(kind, static_cast<size_t>(order[next++])).dump() << "\n";
  }
  return folder;
}

}  // namespace

const fs::path& pairs(Kind kind) {
  static const test::ScratchDir scratch;
  static const std::array<fs::path, 3> folders = {make_pairs(scratch / "pairs", Kind::pairs),
                                                  make_pairs(scratch / "triples", Kind::triples),
                                                  make_pairs(scratch / "scored", Kind::scored)};
  return folders[static_cast<size_t>(kind)];
}

Json pair_config(const fs::path& output, Kind kind) {
  Json config = config_of("vit", output);
  config["task"] = "sentence-similarity";
  config["model"] = text_base().string();
  config["data"] = pairs(kind).string();
  config["metric"] = kind == Kind::scored ? "spearman" : "mrr";
  config["train"]["lr"] = 0.003;
  return config;
}

at::Tensor vectors_of(models::Model& model, const data::View& view, int64_t texts_a_sample) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  std::vector<at::Tensor> vectors;
  const auto add = [&](const std::string& text) {
    const nn::Flow flow = train::to_flow(model, std::vector<data::Text>{{text}});
    vectors.push_back(model.forward(flow.to(model.device()), context).at("features").cpu().clone());
  };
  for (int64_t i = 0; i < view.size(); ++i) {
    const data::Text text = view.text(i);
    add(text.first);
    add(*text.second);
    for (int64_t k = 2; k < texts_a_sample; ++k) add(text.negatives[static_cast<size_t>(k - 2)]);
  }
  return at::cat(vectors);
}

}  // namespace graft::contract
