#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "graft/models/darknet/files.h"
#include "graft/models/detector.h"
#include "graft/models/outlook.h"
#include "graft/nn/conv.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Darknet's networks against OpenCV and plain PyTorch (tests/golden/darknet/make_darknet.py).
namespace graft::models::test {
namespace {

namespace fs = std::filesystem;

fs::path folder() {
  return graft::test::source_dir() / "tests" / "golden" / "darknet";
}

ModelSource source_of(const fs::path& path) {
  ModelSource source;
  source.path = path.string();
  source.task = named_task(source);
  return source;
}

LoadedModel load(const std::string& name, const Json& config = Json()) {
  ModelSource source = source_of(folder() / (name + ".cfg"));
  source.config = config;
  return load_model(source);
}

nn::Flow run(Model& model, const at::Tensor& pixels) {
  nn::Context context;
  return model.forward({"pixels", pixels}, context);
}

at::Tensor pixels_of(const io::TensorMap& golden) {
  return golden.at("pixels").to(at::kFloat) / 255;
}

class Networks : public testing::TestWithParam<std::string> {};

TEST_P(Networks, MapsAndGradients) {
  LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  EXPECT_TRUE(loaded.unused.empty());
  EXPECT_EQ(model.task(), Task::boxes);
  const io::TensorMap golden =
      io::SafetensorsReader(folder() / (GetParam() + ".safetensors")).all();
  set_trained(model, true);
  const nn::Flow end = run(model, pixels_of(golden));
  at::Tensor sum = at::zeros({});
  for (size_t k = 0; k < end.tensors().size(); ++k) {
    const at::Tensor map = end.at(fmt::format("maps{}", k));
    EXPECT_LT(largest_difference(map, golden.at(fmt::format("maps{}", k))), 1e-4);
    sum = sum + (map * at::arange(map.numel(), at::kDouble).cos().view_as(map)).sum();
  }
  sum.backward();
  size_t compared = 0;
  for (const auto& p : model.registry().parameters) {
    if (p.is_buffer()) continue;
    const at::Tensor& expected = golden.at("grad." + p.name);
    EXPECT_LT(relative_difference(p.value->grad(), expected), 1e-4) << p.name;
    ++compared;
  }
  EXPECT_EQ(compared + 1 + end.tensors().size(), golden.size());
}

TEST_P(Networks, FrozenNormsFoldIntoTheirConvolutions) {
  LoadedModel loaded = load(GetParam());
  const io::TensorMap golden =
      io::SafetensorsReader(folder() / (GetParam() + ".safetensors")).all();
  const at::NoGradGuard no_grad;
  const nn::Flow end = run(*loaded.model, pixels_of(golden));
  for (size_t k = 0; k < end.tensors().size(); ++k) {
    const std::string name = fmt::format("maps{}", k);
    EXPECT_LT(largest_difference(end.at(name), golden.at(name)), 1e-4);
  }
}

/// Running blocks one by one, each on nothing but the flow before it, is running the chain.
TEST_P(Networks, BordersHoldAllThatIsNeeded) {
  for (const char* head : {"last", "branches"}) {
    LoadedModel loaded = load(GetParam(), {{"head", head}});
    Model& model = *loaded.model;
    const at::NoGradGuard no_grad;
    const auto size = model.preprocess().output();
    const at::Tensor pixels = at::rand({1, 3, size.height, size.width});
    const nn::Flow whole = run(model, pixels);
    nn::Flow flow("pixels", pixels);
    nn::Context context;
    for (int i = 0; i < model.size(); ++i) {
      EXPECT_FALSE(flow.tensors().empty());
      flow =
          model.forward(flow.map([](const at::Tensor& t) { return t.clone(); }), context, i, i + 1);
    }
    ASSERT_EQ(flow.tensors().size(), whole.tensors().size());
    for (const auto& [name, value] : whole.tensors()) EXPECT_TRUE(flow.at(name).equal(value));
    EXPECT_EQ(model.block_span(model.size() - 1), Span::head);
    EXPECT_EQ(model.block_span(model.head() - 1),
              head == std::string("last") && model.block_name(model.head() - 1) != "stem" &&
                      model.block_name(model.head() - 1).starts_with("branch")
                  ? Span::neck
                  : Span::backbone);
  }
}

TEST_P(Networks, WrittenFilesAreThoseThatWereRead) {
  const graft::test::ScratchDir scratch;
  const LoadedModel loaded = load(GetParam());
  save_darknet(*loaded.model, scratch / "out", "net");
  for (const char* ending : {".cfg", ".weights"}) {
    EXPECT_EQ(read_file(scratch / "out" / (std::string("net") + ending), 1 << 24),
              read_file(folder() / (GetParam() + ending), 1 << 24));
  }
  // And through a folder as runs have it.
  save_model(*loaded.model, scratch / "hf");
  const LoadedModel again = load_model(source_of(scratch / "hf"));
  EXPECT_EQ(again.model->preprocess(), loaded.model->preprocess());
  save_darknet(*again.model, scratch / "again", "net");
  EXPECT_EQ(read_file(scratch / "again" / "net.weights", 1 << 24),
            read_file(folder() / (GetParam() + ".weights"), 1 << 24));
}

INSTANTIATE_TEST_SUITE_P(Darknet, Networks, testing::Values("tiny", "v4", "fastest", "odd"),
                         [](const auto& kind) { return kind.param; });

std::vector<std::string> block_names(const Model& model) {
  std::vector<std::string> names;
  for (int i = 0; i < model.size(); ++i) names.push_back(model.block_name(i));
  return names;
}

/// Layers whose tensors a block has.
std::vector<int> layers_of(const Model& model, int block) {
  std::vector<int> layers;
  for (const auto& p : model.registry().parameters) {
    const int layer = std::stoi(p.name.substr(7));
    if (p.block == block && (layers.empty() || layers.back() != layer)) layers.push_back(layer);
  }
  return layers;
}

TEST(DarknetChain, IsCutWhereLittleFlows) {
  const LoadedModel tiny = load("tiny");
  EXPECT_EQ(block_names(*tiny.model),
            (std::vector<std::string>{"stem", "block 0", "block 1", "block 2", "block 3",
                                      "branch 0", "branch 1", "head"}));
  EXPECT_EQ(layers_of(*tiny.model, 0), std::vector<int>{0});
  EXPECT_EQ(layers_of(*tiny.model, 4), std::vector<int>{8}) << "up to the first branch";
  EXPECT_EQ(layers_of(*tiny.model, 7), (std::vector<int>{10, 17})) << "what the yolo layers read";
  const LoadedModel v4 = load("v4");
  EXPECT_EQ(
      block_names(*v4.model),
      (std::vector<std::string>{"stem", "block 0", "block 1", "block 2", "block 3", "block 4",
                                "block 5", "block 6", "branch 0", "branch 1", "branch 2", "head"}));
  const LoadedModel fastest = load("fastest");
  EXPECT_EQ(layers_of(*fastest.model, 1), (std::vector<int>{2, 3, 4})) << "an inverted residual";
}

TEST(DarknetChain, CanBeDividedOtherwise) {
  const LoadedModel all = load("tiny", {{"backbone_layers", 4}, {"head", "branches"}});
  EXPECT_EQ(all.model->block_name(all.model->head()), "branch 0");
  EXPECT_EQ(layers_of(*all.model, all.model->head()), (std::vector<int>{4, 6, 8, 9}));
  EXPECT_GRAFT_ERROR(load("tiny", {{"backbone_layers", 11}}), ErrorCode::unreadable,
                     "from 1 to 10");
  EXPECT_GRAFT_ERROR(load("tiny", {{"head", "none"}}), ErrorCode::unreadable, "last");
}

TEST(DarknetFiles, AreFoundByEachOther) {
  const graft::test::ScratchDir scratch;
  const auto copy = [&](const std::string& from, const std::string& to) {
    fs::copy_file(folder() / from, scratch / to);
  };
  EXPECT_FALSE(find_darknet(scratch.path()));
  copy("tiny.cfg", "net.cfg");
  EXPECT_TRUE(find_darknet(scratch.path())->weights.empty());
  EXPECT_GRAFT_ERROR(load_model(source_of(scratch.path())), ErrorCode::unreadable,
                     "neither net.weights nor a single other");
  copy("tiny.weights", "net_best.weights");
  graft::test::write_text(scratch / "three.names", "cat\ndog\r\ntraffic light\n\n");
  const LoadedModel loaded = load_model(source_of(scratch.path()));
  EXPECT_EQ(loaded.model->classes(), (std::vector<std::string>{"cat", "dog", "traffic light"}));
  EXPECT_EQ(find_darknet(scratch / "net.cfg")->weights, scratch / "net_best.weights");
  EXPECT_EQ(find_darknet(scratch / "net_best.weights")->cfg, scratch / "net.cfg");
  copy("v4.cfg", "other.cfg");
  EXPECT_GRAFT_ERROR(find_darknet(scratch.path()), ErrorCode::unreadable, "holds 2 .cfg files");
  EXPECT_GRAFT_ERROR(find_darknet(scratch / "net_best.weights"), ErrorCode::unreadable,
                     "give the path of the .cfg");
  EXPECT_GRAFT_ERROR(load_model(source_of(scratch / "other.cfg")), ErrorCode::unreadable,
                     "3 names");
}

TEST(DarknetFiles, NamesThatAreNone) {
  const graft::test::ScratchDir scratch;
  fs::copy_file(folder() / "tiny.cfg", scratch / "net.cfg");
  const auto expect_refused = [&](const std::string& names, const std::string& part) {
    graft::test::write_text(scratch / "net.names", names);
    EXPECT_GRAFT_ERROR(darknet_config(*find_darknet(scratch.path())), ErrorCode::unreadable, part);
  };
  expect_refused("a\nb\n", "2 names");
  expect_refused("a\n\nb\n", "line 2: empty");
  expect_refused("a\nb\na\n", "'a' is there twice");
}

TEST(DarknetHead, RowsFollowTheirClasses) {
  const graft::test::ScratchDir scratch;
  for (const char* ending : {".cfg", ".weights"})
    fs::copy_file(folder() / (std::string("tiny") + ending),
                  scratch / (std::string("net") + ending));
  graft::test::write_text(scratch / "net.names", "cat\ndog\nbird\n");
  const LoadedModel old = load_model(source_of(scratch.path()));
  const std::vector<std::string> wanted{"bird", "mouse", "cat", "cow"};
  const auto expect_fitted = [&](const LoadedModel& fitted) {
    EXPECT_EQ(fitted.head.kept, (std::vector<std::string>{"bird", "cat"}));
    EXPECT_EQ(fitted.head.added, (std::vector<std::string>{"mouse", "cow"}));
    EXPECT_EQ(fitted.head.dropped, std::vector<std::string>{"dog"});
    for (const char* name : {"layers.10.convolution.weight", "layers.17.convolution.bias"}) {
      const at::Tensor before = *old.model->registry().find(name)->value;
      const at::Tensor now = *fitted.model->registry().find(name)->value;
      ASSERT_EQ(now.size(0), 3 * 9);
      const at::Tensor from = before.view({3, 8, -1}), to = now.view({3, 9, -1});
      EXPECT_TRUE(to.narrow(1, 0, 5).equal(from.narrow(1, 0, 5))) << "place and objectness";
      EXPECT_TRUE(to.select(1, 5).equal(from.select(1, 7)));
      EXPECT_TRUE(to.select(1, 7).equal(from.select(1, 5)));
      EXPECT_EQ(to.select(1, 6).abs().sum().item<double>(), 0);
      EXPECT_EQ(to.select(1, 8).abs().sum().item<double>(), 0);
    }
  };
  const LoadedModel fitted = load_model(source_of(scratch.path()), wanted);
  expect_fitted(fitted);
  expect_fitted(refit_head(*old.model, wanted));
  // Written, it is a detector of four classes.
  save_darknet(*fitted.model, scratch / "tuned", "tuned");
  const LoadedModel again = load_model(source_of(scratch / "tuned"));
  EXPECT_EQ(again.model->classes(), wanted);
  const at::NoGradGuard no_grad;
  const at::Tensor pixels = at::rand({1, 3, 64, 64});
  EXPECT_TRUE(run(*again.model, pixels).at("maps1").equal(run(*fitted.model, pixels).at("maps1")));
}

TEST(DarknetHead, RandomOnesFindFewObjectsAtFirst) {
  ModelSource source = source_of(folder() / "tiny.cfg");
  source.random = true;
  const LoadedModel loaded = load_model(source, {"a", "b"});
  const at::Tensor bias = *loaded.model->registry().find("layers.10.convolution.bias")->value;
  EXPECT_NEAR(bias.view({3, 7})[0][4].sigmoid().item<double>(), 0.01, 1e-6);
  EXPECT_EQ(bias.view({3, 7})[0][5].item<double>(), 0);
  EXPECT_GT(
      loaded.model->registry().find("layers.0.convolution.weight")->value->std().item<float>(),
      0.1);
}

TEST(DarknetDetector, OtherSizesOfPictures) {
  const graft::test::ScratchDir scratch;
  const LoadedModel loaded = load("tiny");
  image::Preprocess p = loaded.model->preprocess();
  p.resize_width = 128;
  p.resize_height = 96;
  loaded.model->set_preprocess(p);
  const auto detector = make_detector(*loaded.model);
  DetectOptions all;
  all.score = 0.05F;
  all.most = 7;
  const auto found = detect(*loaded.model, *detector, {image::Image(50, 40, 90)}, all);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].size(), 7U);
  for (const Detection& one : found[0]) {
    EXPECT_GE(one.box.x0, 0);
    EXPECT_LE(one.box.x1, 50);
    EXPECT_LE(one.box.y1, 40);
  }
  EXPECT_TRUE(std::ranges::is_sorted(found[0], std::greater<>(), &Detection::score));
  save_darknet(*loaded.model, scratch.path(), "wide");
  const LoadedModel wide = load_model(source_of(scratch / "wide.cfg"));
  EXPECT_EQ(wide.model->preprocess().output().width, 128);
  EXPECT_EQ(wide.model->preprocess().output().height, 96);
  p.resize_width = 100;
  loaded.model->set_preprocess(p);
  EXPECT_GRAFT_ERROR(make_detector(*loaded.model), ErrorCode::unreadable, "layers of one size");
}

TEST(DarknetDetector, OnlyOfModelsThatHaveOne) {
  const LoadedModel vit = load_golden("vit");
  EXPECT_GRAFT_ERROR(make_detector(*vit.model), ErrorCode::usage, "does not find objects");
  EXPECT_GRAFT_ERROR(save_darknet(*vit.model, "nowhere", "x"), ErrorCode::usage,
                     "no form in Darknet's files");
  ModelSource classes = source_of(folder() / "tiny.cfg");
  classes.task = Task::classes;
  EXPECT_GRAFT_ERROR(load_model(classes), ErrorCode::usage, "does not classify");
}

TEST(DarknetConfig, WithoutItsCfg) {
  ModelSource source;
  source.config = {{"model_type", "darknet"}};
  source.task = Task::boxes;
  source.random = true;
  EXPECT_GRAFT_ERROR(load_model(source), ErrorCode::unreadable, "the text of a Darknet .cfg");
  source.config["cfg"] = "[net]\n[yolo]\n";
  EXPECT_GRAFT_ERROR(load_model(source), ErrorCode::unreadable, "config.json: cfg, line 2");
}

TEST(DarknetPictures, AreResizedAsOpenCvDoes) {
  const io::TensorMap golden = io::SafetensorsReader(folder() / "resize.safetensors").all();
  const auto picture = [](const at::Tensor& t) {
    image::Image image(static_cast<int>(t.size(1)), static_cast<int>(t.size(0)));
    std::copy_n(t.data_ptr<uint8_t>(), image.pixels.size(), image.pixels.begin());
    return image;
  };
  for (int k = 0; k < 6; ++k) {
    const image::Image expected = picture(golden.at(fmt::format("out{}", k)));
    image::Preprocess p;
    p.antialias = false;
    p.resize_width = expected.width;
    p.resize_height = expected.height;
    EXPECT_EQ(p.apply(picture(golden.at(fmt::format("in{}", k)))), expected) << k;
  }
}

}  // namespace
}  // namespace graft::models::test
