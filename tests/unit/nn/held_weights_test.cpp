#include "graft/nn/held_weights.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>

#include "graft/nn/embedding.h"
#include "graft/nn/linear.h"

namespace graft::nn {
namespace {

/// A table that is the output matrix, a group of layers and a single one.
struct Net {
  Net() {
    const auto generator = at::detail::createCPUGenerator(1);
    for (const Parameter& p : registry.parameters)
      p.value->copy_(at::randn(p.value->sizes(), generator, at::kFloat));
  }
  at::Tensor operator()(const at::Tensor& ids) const {
    const at::Tensor x = table(ids).to(at::kBFloat16);
    const auto parts = group(x);
    return output(single(parts[0] * parts[1]));
  }
  std::vector<at::Tensor> copies() const {
    std::vector<at::Tensor> all;
    for (const Parameter& p : registry.parameters) all.push_back(p.value->clone());
    return all;
  }
  Registry registry;
  Embedding table{Scope(registry, "words", 0), 20, 8};
  LinearGroup group{Scope(registry, "mlp", 1), {"gate", "up"}, 8, {12, 12}, true};
  Linear single{Scope(registry, "down", 1), 12, 8};
  Linear output{Scope(registry, "lm_head", 2), table};
};

bool all(const at::Tensor&) {
  return true;
}

TEST(HeldWeights, ProductsAreTheSameBits) {
  Net net;
  const at::Tensor ids = at::arange(7);
  const auto before = net.copies();
  const at::Tensor cast = net(ids);
  const ReplacedWeights replaced = hold_weights(net.registry, at::kBFloat16, all);
  EXPECT_EQ(replaced.size(), 4U) << "gate, up, down and the table";
  EXPECT_EQ(net.table.weight().scalar_type(), at::kBFloat16);
  EXPECT_EQ(net.group.weights().front()->scalar_type(), at::kBFloat16);
  EXPECT_EQ(net.registry.find("down.bias")->value->scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(net(ids), cast));
  EXPECT_EQ(net.table(ids).scalar_type(), at::kFloat);
  EXPECT_TRUE(hold_weights(net.registry, at::kBFloat16, all).empty()) << "there is nothing left";

  restore_weights(net.registry, replaced);
  for (size_t i = 0; i < before.size(); ++i) {
    const at::Tensor& now = *net.registry.parameters[i].value;
    EXPECT_EQ(now.scalar_type(), at::kFloat);
    EXPECT_EQ(std::memcmp(now.contiguous().data_ptr(), before[i].data_ptr(), before[i].nbytes()),
              0);
  }
  EXPECT_TRUE(at::equal(net(ids), cast)) << "the group multiplies by what its members show";
}

TEST(HeldWeights, AGroupStaysWholeWhereOneOfItLearns) {
  Net net;
  const at::Tensor* learns = net.registry.find("mlp.up.weight")->value;
  hold_weights(net.registry, at::kBFloat16, [&](const at::Tensor& w) { return &w != learns; });
  for (const at::Tensor* weight : net.group.weights()) EXPECT_EQ(weight->scalar_type(), at::kFloat);
  EXPECT_EQ(net.registry.find("down.weight")->value->scalar_type(), at::kBFloat16);
}

TEST(HeldWeights, BiasesOfHeldLayersLearnInFloat32) {
  Net net;
  Net held;
  hold_weights(held.registry, at::kBFloat16, all);
  std::vector<at::Tensor> gradients;
  for (Net* n : {&net, &held}) {
    at::Tensor& bias = *n->registry.find("mlp.up.bias")->value;
    bias.set_requires_grad(true);
    (*n)(at::arange(7)).to(at::kFloat).square().sum().backward();
    gradients.push_back(bias.grad());
  }
  EXPECT_EQ(gradients[1].scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
}

}  // namespace
}  // namespace graft::nn
