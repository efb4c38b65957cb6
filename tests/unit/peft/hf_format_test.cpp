#include "graft/peft/hf_format.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/conv.h"
#include "graft/nn/linear.h"
#include "graft/peft/attach.h"
#include "tests/unit/peft/golden.h"

namespace graft {
namespace {

using test::gap;

peft::Choice lora(Json options = Json::object()) {
  options["name"] = "lora";
  return peft::parse_methods(options).front();
}

/// Layers "body.<i>" that stand alone, and a head.
struct Net {
  explicit Net(const std::vector<nn::ConvOptions>& convs) {
    for (const auto& options : convs) {
      layers.push_back(std::make_unique<nn::Conv2d>(
          nn::Scope(registry, "body." + std::to_string(layers.size()), 0), options));
    }
    linear = std::make_unique<nn::Linear>(nn::Scope(registry, "body.fc", 1), 6, 4);
    head = std::make_unique<nn::Linear>(nn::Scope(registry, "head", 2), 4, 3);
  }
  /// Draws the adapters' tensors, so that they do something.
  void stir(uint64_t seed) {
    const at::NoGradGuard no_grad;
    const nn::Init init(seed);
    for (nn::Seam* seam : registry.seams) {
      for (const auto& adapter : seam->adapters()) {
        for (const auto& tensor : adapter->parameters()) {
          init.normal(seam->site().path + tensor.name, *tensor.value, 0.5);
        }
      }
    }
  }
  nn::Registry registry;
  std::vector<std::unique_ptr<nn::Conv2d>> layers;
  std::unique_ptr<nn::Linear> linear, head;
};

nn::ConvOptions grouped(int64_t groups, int64_t in = 4, int64_t out = 8) {
  nn::ConvOptions options;
  options.in = in;
  options.out = out;
  options.groups = groups;
  options.kernel = {3, 3};
  options.padding = {1, 1};
  options.stride = {2, 2};
  return options;
}

at::Tensor picture(int64_t channels = 4) {
  at::Tensor x = at::empty({2, channels, 9, 9});
  nn::Init(3).normal("x", x, 1);
  return x;
}

class HfGrouped : public testing::TestWithParam<bool> {};

TEST_P(HfGrouped, AGroupedConvolutionIsPaddedWithZerosAndComesBack) {
  const bool rslora = GetParam();
  Net net({grouped(2), grouped(4), grouped(1)});
  const auto choice = lora({{"r", 3}, {"alpha", 5}, {"rslora", rslora}, {"target", "all"}});
  peft::attach(net.registry, {choice}, 1, nn::Init(1));
  net.stir(5);
  const test::ScratchDir scratch;
  const auto saved = peft::save_adapter(scratch.path(), net.registry, choice, {});
  EXPECT_EQ(saved.layers, 3);
  EXPECT_TRUE(saved.left.empty());

  const auto file = peft::load_adapter(scratch.path());
  const at::Tensor a = file.tensors.at("body.0.lora_A.weight");
  EXPECT_EQ(a.sizes(), (at::IntArrayRef{6, 4, 3, 3}));
  EXPECT_EQ(file.tensors.at("body.0.lora_B.weight").sizes(), (at::IntArrayRef{8, 3, 1, 1}));
  EXPECT_EQ(a.narrow(0, 0, 3).narrow(1, 2, 2).abs().max().item<float>(), 0);
  EXPECT_EQ(a.narrow(0, 3, 3).narrow(1, 0, 2).abs().max().item<float>(), 0);
  EXPECT_EQ(a.count_nonzero().item<int64_t>(), 6 * 2 * 9);
  EXPECT_EQ(file.tensors.at("body.1.lora_A.weight").sizes(), (at::IntArrayRef{12, 4, 3, 3}));
  EXPECT_EQ(file.config["r"], 3);
  EXPECT_EQ(file.config["rank_pattern"], (Json{{"body.0", 6}, {"body.1", 12}}));
  const double g = rslora ? std::sqrt(2.0) : 2.0;
  EXPECT_DOUBLE_EQ(file.config["alpha_pattern"]["body.0"].get<double>(), 5 * g);
  EXPECT_DOUBLE_EQ(file.config["alpha_pattern"]["body.1"].get<double>(), 5 * g * g);
  EXPECT_EQ(file.config["alpha_pattern"].size(), 2u);

  Net again({grouped(2), grouped(4), grouped(1)});
  const auto attached = peft::attach_adapter(again.registry, file);
  EXPECT_EQ(attached.choice.options.integer("r"), 3);
  EXPECT_EQ(attached.choice.options.number("alpha"), 5);
  EXPECT_EQ(attached.choice.options.texts("target"),
            (std::vector<std::string>{"body.0", "body.1", "body.2"}));
  for (size_t i = 0; i < 3; ++i) {
    const at::Tensor ours = (*net.layers[i])(picture());
    EXPECT_GT(ours.abs().max().item<double>(), 0.1);
    EXPECT_LE(gap((*again.layers[i])(picture()), ours), 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Scales, HfGrouped, testing::Bool());

TEST(HfWrite, LayersThatPeftHasNoFormForAreLeft) {
  auto dilated = grouped(1);
  dilated.dilation = {2, 2};
  auto circular = grouped(1);
  circular.padding_mode = "circular";
  // 4096 groups of one channel: the padded A would have 4096 x 4096 x 9 numbers.
  const auto depthwise = grouped(4096, 4096, 4096);
  Net net({dilated, circular, grouped(1), depthwise});
  const auto choice = lora({{"r", 1}, {"target", "all"}});
  peft::attach(net.registry, {choice}, 1, nn::Init(1));
  const test::ScratchDir scratch;
  const auto saved = peft::save_adapter(scratch / "some", net.registry, choice, {});
  EXPECT_EQ(saved.layers, 1);
  EXPECT_EQ(saved.left, (std::vector<std::string>{"body.0", "body.1", "body.3"}));
  EXPECT_EQ(read_json(scratch / "some" / "adapter_config.json")["target_modules"],
            Json::array({"body.2"}));

  Net none({dilated});
  peft::attach(none.registry, {choice}, 1, nn::Init(1));
  EXPECT_EQ(peft::save_adapter(scratch / "none", none.registry, choice, {}).layers, 0);
  EXPECT_FALSE(std::filesystem::exists(scratch / "none"));
}

TEST(HfRead, AdaptersOfOlderVersionsAreTorchFiles) {
  const auto file = peft::load_adapter(test::golden_dir() / "peft" / "vit_bin");
  const auto same = peft::load_adapter(test::golden_dir() / "peft" / "vit");
  ASSERT_EQ(file.tensors.size(), same.tensors.size());
  for (const auto& [name, tensor] : same.tensors)
    EXPECT_TRUE(at::equal(file.tensors.at(name), tensor)) << name;
}

TEST(HfRead, AFolderThatIsNoAdapterIsAnError) {
  const test::ScratchDir scratch;
  const auto config = scratch / "adapter_config.json";
  const auto load = [&scratch] { peft::load_adapter(scratch.path()); };
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable, "no adapter_config.json");
  test::write_text(config, "[1]");
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable, "expected an object");
  test::write_text(config, "{\"peft_type\": ");
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable, "adapter_config.json");
  test::write_text(config, "{}");
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable,
                     "neither adapter_model.safetensors nor adapter_model.bin");
  test::write_text(scratch / "adapter_model.safetensors", "not a tensor file");
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable, "adapter_model.safetensors");
  io::write_safetensors(scratch / "adapter_model.safetensors",
                        {{"a.lora_A.weight", at::ones({2})}});
  EXPECT_GRAFT_ERROR(load(), ErrorCode::unreadable, "base_model.model.");
}

/// A whole and right adapter in memory, to be spoilt.
struct Spoilt {
  Spoilt() : file(whole()) {}
  static peft::LoadedAdapter whole() {
    const test::ScratchDir scratch;
    Net net({grouped(2)});
    const auto choice = lora({{"r", 2}, {"alpha", 4}, {"target", {"0", "fc"}}});
    peft::attach(net.registry, {choice}, 2, nn::Init(1));
    peft::SaveInfo info;
    info.modules = {{"head", {{"weight", net.head->weight()}, {"bias", net.head->bias()}}}};
    peft::save_adapter(scratch.path(), net.registry, choice, info);
    return peft::load_adapter(scratch.path());
  }
  void drop(const std::string& name) {
    io::TensorMap rest;
    for (const auto& [key, tensor] : file.tensors) {
      if (key != name) rest.add(key, tensor);
    }
    file.tensors = std::move(rest);
  }
  void attach() const {
    Net net({grouped(2)});
    try {
      peft::attach_adapter(net.registry, file);
    } catch (const Error&) {
      for (nn::Seam* seam : net.registry.seams) EXPECT_TRUE(seam->adapters().empty());
      throw;
    }
  }
  peft::LoadedAdapter file;
};

TEST(HfRead, TheWholeAdapterAttaches) {
  Spoilt().attach();
}

TEST(HfRead, SettingsThatGraftCannotFollowAreNamed) {
  const std::vector<std::pair<std::string, Json>> refused = {
      {"use_dora", true},
      {"use_qalora", true},
      {"use_bdlora", {{"a", 1}}},
      {"lora_bias", true},
      {"bias", "all"},
      {"bias", "lora_only"},
      {"alora_invocation_tokens", {1, 2}},
      {"arrow_config", {{"top_k", 1}}},
      {"layer_replication", {{0, 1}}},
      {"lora_ga_config", {{"a", 1}}},
      {"megatron_config", {{"a", 1}}},
      {"target_parameters", {"x"}},
      {"trainable_token_indices", {1}},
      {"velora_config", {{"a", 1}}},
      {"init_lora_weights", "pissa_niter_4"},
      {"init_lora_weights", "olora"},
      {"init_lora_weights", "loftq"},
      {"peft_type", "IA3"},
      {"peft_type", nullptr},
      {"r", 0},
      {"r", 2.5},
      {"r", "2"},
      {"r", 1e30},
      {"lora_alpha", -1},
      {"lora_alpha", {1}},
      {"lora_dropout", 1},
      {"use_rslora", "yes"},
      {"rank_pattern", {{"body.fc", -3}, {"body.0", 4}}},
      {"alpha_pattern", {{"body.fc", "x"}}},
      {"target_modules", {"body.0"}},
      {"target_modules", {"body.0", "fc", 1}},
      {"modules_to_save", nullptr},
      {"modules_to_save", {"head", "body.fc"}},
  };
  for (const auto& [key, value] : refused) {
    SCOPED_TRACE(key + " = " + value.dump());
    Spoilt spoilt;
    spoilt.file.config[key] = value;
    const std::string part = key == "rank_pattern"    ? "r must"
                             : key == "alpha_pattern" ? "lora_alpha must"
                                                      : key;
    EXPECT_GRAFT_ERROR(spoilt.attach(), ErrorCode::unreadable, part);
  }
  Spoilt listed;  // an entry that names no module says nothing, as in peft
  listed.file.config["modules_to_save"] = {"head", "neck"};
  EXPECT_NO_THROW(listed.attach());
  Spoilt harmless;
  harmless.file.config["eva_config"] = {{"rho", 2}};
  harmless.file.config["init_lora_weights"] = "gaussian";
  harmless.file.config["something_new"] = 3;
  harmless.file.config["fan_in_fan_out"] = true;
  harmless.file.config.erase("bias");
  harmless.attach();
}

TEST(HfRead, EveryTensorIsAccountedFor) {
  const auto spoil = [](const std::string& name, const at::Tensor& value) {
    Spoilt spoilt;
    if (value.defined())
      spoilt.file.tensors.set(name, value);
    else
      spoilt.drop(name);
    spoilt.attach();
  };
  EXPECT_GRAFT_ERROR(spoil("body.fc.lora_B.weight", {}), ErrorCode::unreadable,
                     "no tensor lora_B.weight");
  EXPECT_GRAFT_ERROR(spoil("body.9.lora_A.weight", at::ones({2, 6})), ErrorCode::unreadable,
                     "body.9.lora_A.weight");
  EXPECT_GRAFT_ERROR(spoil("lora_A", at::ones({2, 6})), ErrorCode::unreadable,
                     "lora_A belongs to no layer");
  EXPECT_GRAFT_ERROR(spoil("body.fc.lora_C.weight", at::ones({2})), ErrorCode::unreadable,
                     "lora_C.weight");
  EXPECT_GRAFT_ERROR(spoil("body.fc.lora_A.weight", at::ones({3, 6})), ErrorCode::unreadable,
                     "[3, 6], expected [2, 6]");
  EXPECT_GRAFT_ERROR(spoil("body.fc.lora_A.weight", at::ones({2, 6}, at::kLong)),
                     ErrorCode::unreadable, "Long");
  EXPECT_GRAFT_ERROR(spoil("body.fc.bias", at::ones({4})), ErrorCode::unreadable, "body.fc.bias");
  EXPECT_GRAFT_ERROR(spoil("head.bias", {}), ErrorCode::unreadable, "asks for head.bias");
  EXPECT_GRAFT_ERROR(spoil("head.weight", at::ones({7, 4})), ErrorCode::unreadable,
                     "number of classes");
  EXPECT_GRAFT_ERROR(spoil("head.weight", at::ones({3, 4}, at::kLong)), ErrorCode::unreadable,
                     "Long");
  Spoilt layer;
  layer.drop("body.fc.lora_A.weight");
  layer.drop("body.fc.lora_B.weight");
  EXPECT_GRAFT_ERROR(layer.attach(), ErrorCode::unreadable, "names the layer body.fc");
  Spoilt dense;
  dense.file.tensors.set("body.0.lora_A.weight", at::ones({4, 4, 3, 3}));
  EXPECT_GRAFT_ERROR(dense.attach(), ErrorCode::unreadable, "mixes channels of all groups");
  Spoilt odd;
  odd.file.config["rank_pattern"]["body.0"] = 3;
  EXPECT_GRAFT_ERROR(odd.attach(), ErrorCode::unreadable, "2 groups");
}

TEST(HfRead, LayersOnWhichPeftIsSomethingElseAreRefused) {
  auto dilated = grouped(2);
  dilated.dilation = {2, 2};
  Net net({dilated});
  EXPECT_GRAFT_ERROR(peft::attach_adapter(net.registry, Spoilt::whole()), ErrorCode::unreadable,
                     "dilated");
}

TEST(HfRead, HalfPrecisionIsReadIntoFloat32) {
  Spoilt half;
  const at::Tensor a = half.file.tensors.at("body.fc.lora_A.weight").to(at::kBFloat16);
  half.file.tensors.set("body.fc.lora_A.weight", a);
  Net net({grouped(2)});
  peft::attach_adapter(net.registry, half.file);
  const at::Tensor& read = *net.linear->adapters().front()->parameters().front().value;
  EXPECT_EQ(read.scalar_type(), at::kFloat);
  EXPECT_EQ(gap(read, a), 0);
}

}  // namespace
}  // namespace graft
