#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// What the golden numbers of DeBERTa leave out: configs that cannot be, dropout, no positions.
namespace graft::models::test {
namespace {

Json tiny(const Json& changes = Json::object()) {
  Json config = {{"model_type", "deberta-v2"},
                 {"vocab_size", 50},
                 {"hidden_size", 16},
                 {"num_attention_heads", 2},
                 {"num_hidden_layers", 2},
                 {"intermediate_size", 12},
                 {"max_position_embeddings", 32},
                 {"relative_attention", true},
                 {"position_buckets", 8},
                 {"max_relative_positions", -1},
                 {"norm_rel_ebd", "layer_norm"},
                 {"share_att_key", true},
                 {"pos_att_type", "p2c|c2p"},
                 {"position_biased_input", false}};
  config.update(changes);
  return config;
}

std::unique_ptr<Model> built(const Json& changes = Json::object()) {
  auto model = std::make_unique<Model>("deberta_v2", tiny(changes));
  const Family& family = family_of("deberta-v2", "test");
  family.build(*model, 3);
  family.init(*model, nn::Init(1));
  return model;
}

at::Tensor logits_of(Model& model, const std::vector<int64_t>& lengths, bool training = false) {
  nn::Flow flow("ids", at::arange(at::tensor(lengths).sum().item<int64_t>()).remainder(47).add(3));
  flow["lengths"] = at::tensor(lengths, at::kLong);
  nn::Context context;
  context.training = training;
  context.generator = at::detail::createCPUGenerator(5);
  return model.forward(std::move(flow), context).at("logits");
}

TEST(DebertaV2, ConfigsThatCannotBeAreErrors) {
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"pos_att_type", "c2c"}}, "pos_att_type"},
      {{{"pos_att_type", {"c2p", 3}}}, "pos_att_type"},
      {{{"position_buckets", 1}}, "position_buckets"},
      {{{"position_buckets", 64}, {"max_relative_positions", 33}}, "position_buckets"},
      {{{"position_buckets", 0}, {"max_relative_positions", 1000000}}, "max_relative_positions"},
      {{{"attention_head_size", 4}}, "attention_head_size"},
      {{{"conv_kernel_size", 4}}, "conv_kernel_size"},
      {{{"conv_kernel_size", 3}, {"conv_groups", 3}}, "conv_groups"},
      {{{"pooler_hidden_size", 8}}, "pooler_hidden_size"},
      {{{"embedding_size", 0}}, "embedding_size"},
      {{{"num_attention_heads", 3}}, "heads"}};
  for (const auto& [changes, part] : cases) {
    EXPECT_GRAFT_ERROR(built(changes), ErrorCode::unreadable, part);
  }
}

/// Where nothing tells positions apart, the order of words does not matter; with any of the three
/// ways it does.
TEST(DebertaV2, EachWayTellsPositionsApart) {
  const auto depends = [](const Json& changes) {
    const auto model = built(changes);
    const at::NoGradGuard no_grad;
    for (auto& p : model->registry().parameters) {
      if (p.value->dim() > 1) p.value->mul_(10);
    }
    nn::Context context;
    const auto run = [&](const std::vector<int64_t>& ids) {
      nn::Flow flow("ids", at::tensor(ids, at::kLong));
      flow["lengths"] = at::tensor({static_cast<int64_t>(ids.size())});
      return model->forward(std::move(flow), context).at("logits");
    };
    return largest_difference(run({3, 5, 7, 9, 11, 4}), run({3, 11, 9, 7, 5, 4})) > 1e-4;
  };
  EXPECT_FALSE(depends({{"pos_att_type", Json::array()}}));
  EXPECT_FALSE(depends({{"relative_attention", false}}));
  EXPECT_TRUE(depends({{"pos_att_type", "c2p"}}));
  EXPECT_TRUE(depends({{"pos_att_type", "p2c"}, {"share_att_key", false}}));
  EXPECT_TRUE(depends({{"relative_attention", false}, {"position_biased_input", true}}));
}

TEST(DebertaV2, WhatLiesBesideATextChangesNothing) {
  const auto model = built({{"conv_kernel_size", 5}, {"conv_groups", 2}, {"num_hidden_layers", 1}});
  const at::NoGradGuard no_grad;
  const at::Tensor both = logits_of(*model, {9, 40, 1});
  EXPECT_LT(largest_difference(both[0], logits_of(*model, {9})[0]), 1e-6);
}

TEST(DebertaV2, DropoutActsAndEverythingLearns) {
  const auto model = built({{"conv_kernel_size", 3}});
  set_trained(*model, true);
  const at::Tensor quiet = logits_of(*model, {9, 12});
  const at::Tensor loud = logits_of(*model, {9, 12}, true);
  EXPECT_FALSE(at::allclose(quiet, loud));
  EXPECT_TRUE(at::equal(loud, logits_of(*model, {9, 12}, true)));
  loud.square().sum().backward();
  for (const auto& p : model->registry().parameters) {
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    EXPECT_TRUE(p.value->grad().isfinite().all().item<bool>()) << p.name;
  }
}

}  // namespace
}  // namespace graft::models::test
