#include "graft/peft/method.h"

#include <torch/types.h>

#include <set>

#include "graft/base/error.h"
#include "graft/nn/embedding.h"
#include "graft/nn/linear.h"
#include "graft/peft/attach.h"
#include "tests/support/support.h"

namespace graft {
namespace {

peft::Choice one(const Json& value) {
  return peft::parse_methods(value).front();
}

TEST(ParseMethods, NamesObjectsAndLists) {
  const auto both = peft::parse_methods({{{"name", "lora"}, {"r", 3}}, "bitfit"});
  EXPECT_EQ(peft::name_of(both), "lora+bitfit");
  EXPECT_EQ(both[0].options.integer("r"), 3);
  EXPECT_EQ(both[0].options.number("alpha"), 16);
  EXPECT_EQ(peft::to_json(peft::parse_methods(peft::to_json(both))), peft::to_json(both));
  EXPECT_EQ(peft::to_json(peft::parse_methods("none"))["name"], "none");

  const auto parse = [](const Json& value) { peft::parse_methods(value); };
  EXPECT_GRAFT_ERROR(parse("lore"), ErrorCode::usage, "did you mean 'lora'");
  EXPECT_GRAFT_ERROR(parse({{"name", "lora"}, {"rank", 3}}), ErrorCode::usage, "rank");
  EXPECT_GRAFT_ERROR(parse({{"name", "lora"}, {"r", 0}}), ErrorCode::usage, "r must be between 1");
  EXPECT_GRAFT_ERROR(parse({{"r", 3}}), ErrorCode::usage, "expected a name");
  EXPECT_GRAFT_ERROR(parse(Json::array()), ErrorCode::usage, "empty");
  EXPECT_GRAFT_ERROR(parse({"lora", "none"}), ErrorCode::usage, "cannot be combined");
  EXPECT_GRAFT_ERROR(parse({"lora", "lora"}), ErrorCode::usage, "twice");
}

struct TwoLayers {
  nn::Registry registry;
  nn::Linear q{nn::Scope(registry, "a.0.q_proj", 0), 400, 300};
  nn::Linear fc{nn::Scope(registry, "a.1.fc1", 1), 400, 300};
  nn::Linear small{nn::Scope(registry, "a.1.gate", 1), 4, 4};
  nn::Linear head{nn::Scope(registry, "head", 2), 300, 5};
  int attach(const Json& options) { return peft::attach(registry, {one(options)}, 2, nn::Init(1)); }
};

TEST(Attach, TargetsAreChosenByNameAndBySize) {
  const auto count = [](const Json& target) {
    return TwoLayers().attach({{"name", "lora"}, {"target", target}});
  };
  EXPECT_EQ(count("auto"), 2) << "on the small layer an adapter would be larger than the weight";
  EXPECT_EQ(count("all"), 3);
  EXPECT_EQ(count("all-linear"), 3);
  EXPECT_EQ(count({"q_proj"}), 1);
  EXPECT_EQ(count({"0.q_proj", "1.gate"}), 2);
  EXPECT_GRAFT_ERROR(count({"proj"}), ErrorCode::usage, "called: fc1, gate, q_proj");
  EXPECT_GRAFT_ERROR(count({"head"}), ErrorCode::usage, "'head' matches no layer of the backbone");
  EXPECT_GRAFT_ERROR(count("everything"), ErrorCode::usage, "everything");
  EXPECT_GRAFT_ERROR(TwoLayers().attach({{"name", "lora"}, {"r", 4000}}), ErrorCode::usage,
                     "smaller r");
}

TEST(Attach, HeadsAndModulesThatLearnWholeAreReachedByName) {
  const auto attach = [](const Json& options, int named) {
    TwoLayers layers;
    const int count = peft::attach(layers.registry, {one(options)}, 2, nn::Init(1), named);
    return std::pair(count, layers.head.adapters().size());
  };
  // A head that came with the model, as that of language models.
  EXPECT_EQ(attach({{"name", "lora"}, {"target", "all"}}, 3), std::pair(3, size_t{0}));
  EXPECT_EQ(attach({{"name", "lora"}, {"target", {"head", "gate"}}}, 3), std::pair(2, size_t{1}));
  EXPECT_GRAFT_ERROR(attach({{"name", "lora"}, {"target", {"head"}}}, 2), ErrorCode::usage,
                     "'head' matches no layer");
  // A module has weights of its own or an adapter, not both.
  const Json saved = {{"name", "lora"}, {"target", "all"}, {"modules_to_save", {"fc1"}}};
  EXPECT_EQ(attach(saved, 2).first, 2);
  EXPECT_GRAFT_ERROR(attach({{"name", "lora"}, {"modules_to_save", {"fc2"}}}, 2), ErrorCode::usage,
                     "'fc2' matches no module");
  EXPECT_GRAFT_ERROR(attach({{"name", "lora"}, {"modules_to_save", {"head"}}}, 2), ErrorCode::usage,
                     "called: fc1, gate, q_proj");

  const peft::Choice choice = one(saved);
  TwoLayers layers;
  std::set<std::string> whole;
  for (const auto& p : layers.registry.parameters) {
    if (choice.method->selects(p, choice.options)) whole.insert(p.name);
  }
  EXPECT_EQ(whole, (std::set<std::string>{"a.1.fc1.weight", "a.1.fc1.bias"}));
}

TEST(Lora, OfAnEmbeddingBeginsAsPeftDoes) {
  nn::Registry registry;
  nn::Embedding words(nn::Scope(registry, "embed_tokens", 0), 400, 50);
  peft::attach(registry, {one({{"name", "lora"}, {"r", 40}, {"target", {"embed_tokens"}}})}, 1,
               nn::Init(1));
  const auto tensors = words.adapters().front()->parameters();
  EXPECT_EQ(tensors[0].name, "lora_embedding_A");
  EXPECT_EQ(tensors[0].value->sizes(), (at::IntArrayRef{40, 400}));
  EXPECT_EQ(tensors[0].value->abs().max().item<float>(), 0);
  EXPECT_EQ(tensors[1].name, "lora_embedding_B");
  EXPECT_EQ(tensors[1].value->sizes(), (at::IntArrayRef{50, 40}));
  EXPECT_NEAR(tensors[1].value->std().item<double>(), 1, 0.05);
}

TEST(Lora, BeginsAsPeftDoes) {
  const auto a_of = [](const Json& options) {
    TwoLayers layers;
    layers.attach(options);
    const auto tensors = layers.q.adapters().front()->parameters();
    EXPECT_EQ(tensors[1].value->abs().max().item<float>(), 0);
    return tensors[0].value->clone();
  };
  const at::Tensor kaiming = a_of({{"name", "lora"}, {"r", 50}});
  // Uniform within 1/sqrt(400).
  EXPECT_LE(kaiming.abs().max().item<double>(), 0.05);
  EXPECT_GT(kaiming.abs().max().item<double>(), 0.0495);
  EXPECT_NEAR(kaiming.std().item<double>(), 0.05 / std::sqrt(3.0), 3e-4);
  const at::Tensor gaussian = a_of({{"name", "lora"}, {"r", 50}, {"init", "gaussian"}});
  // Normal with deviation 1/r.
  EXPECT_NEAR(gaussian.std().item<double>(), 0.02, 3e-4);
  EXPECT_GT(gaussian.abs().max().item<double>(), 0.06);
  EXPECT_NEAR(gaussian.mean().item<double>(), 0, 6e-4);
}

}  // namespace
}  // namespace graft
