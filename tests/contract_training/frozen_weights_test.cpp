#include <torch/types.h>

#include <map>

#include "graft/io/safetensors.h"
#include "graft/nn/held_weights.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/texts.h"

/// Frozen weights that are held in bfloat16: where, and that nobody can tell.
namespace graft::contract {
namespace {

const Json kHalf = {{"precision", "bfloat16"}};
const Json kLora = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};

std::map<at::ScalarType, int> types(models::Model& model) {
  std::map<at::ScalarType, int> counts;
  for (nn::Seam* seam : model.registry().seams) ++counts[seam->weight().scalar_type()];
  return counts;
}

TEST(FrozenWeights, AreHeldInBfloat16WhereTheResultLeavesThemAlone) {
  const test::ScratchDir scratch;
  const auto types_of = [&](const Json& patch) {
    train::Job job = open(with(language_config(scratch / "run"), patch));
    return types(job.model());
  };
  // 35 layers, the output matrix and the embedding, which are one tensor.
  EXPECT_EQ(types_of(with(kHalf, kLora)), (std::map<at::ScalarType, int>{{at::kBFloat16, 37}}));
  EXPECT_EQ(types_of(kLora), (std::map<at::ScalarType, int>{{at::kFloat, 37}}));
  // The whole model is the result.
  for (const Json& strategy : {Json("full"), Json("head"), Json("layer-wise")}) {
    const auto found = types_of(with(kHalf, {{"strategy", strategy}}));
    EXPECT_FALSE(found.contains(at::kBFloat16)) << strategy;
  }
  EXPECT_FALSE(
      types_of(with(with(kHalf, kLora),
                    {{"model", {{"path", language_config("")["model"]}, {"init", "random"}}}}))
          .contains(at::kBFloat16));
}

TEST(FrozenWeights, ARunIsTheSameBitForBit) {
  for (const bool language : {true, false}) {
    const test::ScratchDir scratch;
    const auto config = [&](const std::string& name) {
      const auto out = scratch / name;
      return with(with(language ? language_config(out) : text_config(out), kHalf), kLora);
    };
    train::Job held = open(config("held"));
    EXPECT_TRUE(types(held.model()).contains(at::kBFloat16));
    const auto before = snapshot(held.model());
    run(held);
    for (const auto& p : held.model().registry().parameters) {
      if (models::tells_classes(held.model().task()) && p.block >= held.model().head()) continue;
      EXPECT_TRUE(same_bytes(before.at(p.name), p.value->detach())) << p.name;
    }
    // Cast at every use instead.
    train::Job cast = open(config("cast"));
    nn::hold_weights(cast.model().registry(), at::kFloat, [](const at::Tensor&) { return true; });
    run(cast);
    EXPECT_EQ(step_losses(scratch / "held"), step_losses(scratch / "cast"));
    EXPECT_TRUE(same_weights(scratch / "held", scratch / "cast"));
  }
}

TEST(FrozenWeights, WhatIsWrittenWholeKeepsEveryDigit) {
  const test::ScratchDir scratch;
  run(with(with(text_config(scratch / "run"), kHalf),
           {{"strategy", {{"name", "top-k"}, {"k", 1}}}}));
  const io::SafetensorsReader base(text_base() / "model.safetensors");
  const io::SafetensorsReader written(scratch / "run/model/model.safetensors");
  int frozen = 0;
  for (const auto& name : base.names()) {
    if (name.find("layer.2.") != std::string::npos || name.starts_with("classifier")) continue;
    EXPECT_EQ(written.tensor(name).scalar_type(), at::kFloat);
    frozen += same_bytes(base.tensor(name), written.tensor(name));
  }
  EXPECT_GT(frozen, 30);
}

}  // namespace
}  // namespace graft::contract
