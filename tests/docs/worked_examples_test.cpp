#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/darknet/files.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"
#include "graft/nn/seam.h"
#include "graft/peft/attach.h"
#include "tests/support/support.h"

/// The code of docs/add_a_method.md, docs/add_a_model.md and docs/darknet.md, held to what those
/// pages say about it.
namespace graft::peft {
Method scaling();
}
namespace graft::models {
Family plain_net();
}
namespace graft {
models::Detections find_objects(const std::string& photo, const std::string& folder);
}

namespace graft {
namespace {

peft::Choice choose(const peft::Method& method, const Json& target) {
  return {&method, Options(method.options, {{"target", target}}, "method scaling")};
}

at::Tensor logits_of(models::Model& model, const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  return model.forward({"pixels", pixels}, context).at("logits");
}

class ScalingOn : public testing::TestWithParam<std::string> {};

TEST_P(ScalingOn, StartsAsIdentityAndMergesExactly) {
  const auto folder = test::source_dir() / "tests/golden/models" / GetParam();
  models::ModelSource source;
  source.path = folder.string();
  auto model = models::load_model(source).model;
  const at::Tensor pixels = io::SafetensorsReader(folder / "golden.safetensors").tensor("pixels");
  const at::Tensor plain = logits_of(*model, pixels);
  const peft::Method method = peft::scaling();
  const int layers =
      peft::attach(model->registry(), {choose(method, "auto")}, model->head(), nn::Init(1));
  EXPECT_GT(layers, 0);
  EXPECT_LE((logits_of(*model, pixels) - plain).abs().max().item<double>(), 1e-5);

  const nn::Init init(5);
  for (nn::Seam* seam : model->registry().seams) {
    for (const auto& adapter : seam->adapters()) {
      for (const auto& [name, value] : adapter->parameters())
        init.normal(seam->site().path + "." + name, *value, 0.1);
    }
  }
  const at::Tensor adapted = logits_of(*model, pixels);
  EXPECT_GT((adapted - plain).abs().max().item<double>(), 1e-3);
  peft::merge_all(model->registry());
  const double size = std::max(1.0, adapted.abs().max().item<double>());
  EXPECT_LE((logits_of(*model, pixels) - adapted).abs().max().item<double>(), 1e-5 * size);
}

INSTANTIATE_TEST_SUITE_P(Families, ScalingOn,
                         testing::Values("vit", "mobilenet_v2_tf", "convnext", "resnet_basic"),
                         [](const auto& tested) { return tested.param; });

TEST(Scaling, TargetsChooseTheLayers) {
  const peft::Method method = peft::scaling();
  const auto count = [&method](const std::string& family, const Json& target) {
    models::ModelSource source;
    source.path = (test::source_dir() / "tests/golden/models" / family).string();
    auto model = models::load_model(source).model;
    return peft::attach(model->registry(), {choose(method, target)}, model->head(), nn::Init(1));
  };
  EXPECT_GT(count("mobilenet_v2_tf", "all"), count("mobilenet_v2_tf", "auto"));
  EXPECT_GT(count("vit", "auto"), count("vit", "all-linear"));
  EXPECT_GT(count("vit", "all-linear"), count("vit", Json::array({"q_proj"})));
}

std::unique_ptr<models::Model> make_plain_net(const Json& config, int64_t classes) {
  const models::Family family = models::plain_net();
  auto model = std::make_unique<models::Model>(family.name, config);
  family.build(*model, classes);
  family.init(*model, nn::Init(3));
  return model;
}

TEST(PlainNet, IsAChainThatEndsInFeaturesAndLogits) {
  auto model = make_plain_net({{"widths", {4, 8, 16}}}, 5);
  EXPECT_EQ(model->size(), 4);
  EXPECT_EQ(model->head(), 3);
  EXPECT_EQ(model->block_name(0), "stem");
  EXPECT_NE(model->registry().find("plain_net.stages.1.convolution.weight"), nullptr);
  EXPECT_NE(model->registry().find("plain_net.stages.1.normalization.running_mean"), nullptr);
  const at::Tensor pixels = at::ones({2, 3, 32, 32});
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::Flow below = model->forward({"pixels", pixels}, context, 0, model->head());
  EXPECT_EQ(below.at("features").sizes(), (std::vector<int64_t>{2, 16}));
  const at::Tensor logits = model->forward(below, context, model->head()).at("logits");
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{2, 5}));
  EXPECT_TRUE(logits.equal(logits_of(*model, pixels)));
}

TEST(PlainNet, AdaptersReachItsLayers) {
  auto model = make_plain_net(Json::object(), 2);
  const peft::Method method = peft::scaling();
  EXPECT_EQ(peft::attach(model->registry(), {choose(method, "all")}, model->head(), nn::Init(1)),
            3);
}

TEST(PlainNet, HostileConfigsAreRefused) {
  const auto make = [](const Json& widths) { make_plain_net({{"widths", widths}}, 2); };
  EXPECT_GRAFT_ERROR(make({4, 0}), ErrorCode::unreadable, "from 1 to 4096");
  EXPECT_GRAFT_ERROR(make(std::vector<int>(65, 8)), ErrorCode::unreadable, "64 are allowed");
  EXPECT_GRAFT_ERROR(make("wide"), ErrorCode::unreadable, "widths");
}

TEST(FindObjects, WritesWhatItLoaded) {
  const test::ScratchDir scratch;
  const auto photo = test::source_dir() / "examples/data/clothing/test/hat";
  for (const auto& file : std::filesystem::directory_iterator(photo)) {
    for (const auto& one : find_objects(file.path(), scratch.path())) EXPECT_GT(one.score, 0.3F);
    break;
  }
  EXPECT_EQ(models::find_darknet(scratch.path())->weights, scratch / "yolo.weights");
}

}  // namespace
}  // namespace graft
