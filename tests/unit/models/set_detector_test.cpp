#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "graft/models/detr/set_loss.h"
#include "tests/unit/models/detection_golden.h"
#include "tests/unit/models/golden.h"

/// DETR and YOLOS against transformers; tests/golden/detection_models/make_set_detectors.py made
/// the numbers.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;

io::TensorMap golden_of(const std::string& name) {
  return io::SafetensorsReader(detection_golden() / name / "golden.safetensors").all();
}

image::Dimensions size_of(const at::Tensor& pixels) {
  return {static_cast<int>(pixels.size(3)), static_cast<int>(pixels.size(2))};
}

/// For pictures as those of its goldens.
LoadedModel load(const std::string& name, const std::vector<std::string>& classes = {}) {
  ModelSource source;
  source.path = (detection_golden() / name).string();
  source.task = Task::boxes;
  LoadedModel loaded = load_model(source, classes);
  image::Preprocess preprocess = loaded.model->preprocess();
  const image::Dimensions size = size_of(golden_of(name).at("pixels"));
  preprocess.resize_width = size.width;
  preprocess.resize_height = size.height;
  loaded.model->set_preprocess(preprocess);
  return loaded;
}

nn::Flow run(Model& model, const at::Tensor& pixels) {
  nn::Context context;
  return model.forward({"pixels", pixels}, context);
}

bool has_sigmoids(const Model& model) {
  return model.family() == "deformable_detr";
}

SetLossRule rule_of(const Model& model) {
  return has_sigmoids(model) ? SetLossRule::focal(model.config())
                             : SetLossRule::softmax(model.config());
}

std::vector<std::vector<Truth>> truth_in(const io::TensorMap& golden) {
  std::vector<std::vector<Truth>> truth(static_cast<size_t>(golden.at("pixels").size(0)));
  const at::Tensor rows = golden.at("truth");
  const auto at = rows.accessor<double, 2>();
  for (int64_t i = 0; i < at.size(0); ++i) {
    const auto side = [&](int64_t k) { return static_cast<float>(at[i][k]); };
    truth[static_cast<size_t>(at[i][0])].push_back(
        {{side(1), side(2), side(3), side(4)}, static_cast<int>(at[i][5])});
  }
  return truth;
}

class SetGolden : public testing::TestWithParam<std::string> {
 protected:
  io::TensorMap golden = golden_of(GetParam());

 private:
  OneThread one_thread_;
};

TEST_P(SetGolden, EveryTensorOfTheFileHasItsPlace) {
  const LoadedModel loaded = load(GetParam());
  EXPECT_TRUE(loaded.unused.empty()) << loaded.unused.front();
  EXPECT_TRUE(loaded.missing.empty()) << loaded.missing.front();
  EXPECT_EQ(loaded.head.kept, (std::vector<std::string>{"cup", "hat", "key"}));
}

TEST_P(SetGolden, OutputsLossAndGradients) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  {
    const at::NoGradGuard no_grad;  // the folded path of fixed norms
    const nn::Flow end = run(model, golden.at("pixels"));
    EXPECT_LT(largest_difference(end.at("logits"), golden.at("logits")), kTolerance);
    EXPECT_LT(largest_difference(end.at("boxes"), golden.at("boxes")), kTolerance);
  }
  set_trained(model, true);
  const nn::Flow end = run(model, golden.at("pixels"));
  for (const char* name : {"logits", "boxes", "auxiliary_logits", "auxiliary_boxes"}) {
    ASSERT_EQ(end.has(name), golden.contains(name)) << name;
    if (end.has(name)) EXPECT_LT(largest_difference(end.at(name), golden.at(name)), kTolerance);
  }
  const BoxLoss loss = detector->loss(end, truth_in(golden));
  EXPECT_EQ(loss.matched, golden.at("truth").size(0));
  EXPECT_EQ(loss.skipped, 0);
  EXPECT_NEAR(loss.total.mean().item<double>(), golden.at("loss").item<double>(), kTolerance);
  EXPECT_NEAR((loss.box + loss.classes).mean().item<double>(), golden.at("loss").item<double>(),
              kTolerance);
  loss.total.mean().backward();
  int64_t compared = 0;
  for (const auto& p : model.registry().parameters) {
    if (p.is_buffer()) continue;
    ASSERT_TRUE(golden.contains("grad." + p.name)) << p.name;
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    const at::Tensor& expected = golden.at("grad." + p.name);
    // Some are zero but for rounding (a bias before a softmax) and have no size to compare with.
    EXPECT_LT((p.value->grad() - expected).norm().item<double>(),
              kTolerance * expected.norm().item<double>() + 1e-5)
        << p.name;
    ++compared;
  }
  EXPECT_EQ(compared, std::count_if(golden.begin(), golden.end(), [](const auto& item) {
              return item.first.starts_with("grad.");
            }));
}

TEST_P(SetGolden, PartsOfTheLoss) {
  const LoadedModel loaded = load(GetParam());
  const SetLossRule rule = rule_of(*loaded.model);
  const SetTruth truth(truth_in(golden), size_of(golden.at("pixels")), 3);
  const SetOutput output{golden.at("logits"), golden.at("boxes")};
  const BoxTerms terms = box_terms(output, truth, match_set(output, truth, rule.match));
  const auto objects = static_cast<double>(truth.count());
  EXPECT_NEAR(terms.distance.sum().item<double>() / objects, golden.at("loss_bbox").item<double>(),
              1e-5);
  EXPECT_NEAR(terms.overlap.sum().item<double>() / objects, golden.at("loss_giou").item<double>(),
              1e-5);
  const BoxLoss loss = set_loss({output}, truth, rule);
  EXPECT_NEAR(loss.classes.mean().item<double>(), golden.at("loss_ce").item<double>(), 1e-5);
  EXPECT_EQ(terms.distance[1].item<double>(), 0) << "the second picture has no object";
}

TEST_P(SetGolden, OtherSizesOfPictures) {
  const LoadedModel loaded = load(GetParam());
  const nn::Flow end = run(*loaded.model, golden.at("pixels_large"));
  EXPECT_LT(largest_difference(end.at("logits"), golden.at("logits_large")), kTolerance);
  EXPECT_LT(largest_difference(end.at("boxes"), golden.at("boxes_large")), kTolerance);
}

TEST_P(SetGolden, TenStepsOfTrainingInDouble) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  to_double(model);
  set_trained(model, true);
  AdamW optimizer(model);
  const auto truth = truth_in(golden);
  const at::Tensor pixels = golden.at("pixels").to(at::kDouble);
  for (int64_t i = 0; i < 10; ++i) {
    const at::Tensor loss = detector->loss(run(model, pixels), truth).total.mean();
    EXPECT_NEAR(loss.item<double>(), golden.at("train_loss")[i].item<double>(), 1e-7) << i;
    loss.backward();
    optimizer.step();
  }
  size_t compared = 0;
  for (const auto& [key, value] : golden) {
    if (!key.starts_with("after.")) continue;
    const nn::Parameter* p = model.registry().find(key.substr(6));
    ASSERT_NE(p, nullptr) << key;
    EXPECT_LE(largest_difference(*p->value, value), 1e-6) << key;
    ++compared;
  }
  EXPECT_GE(compared, 2U);
}

TEST_P(SetGolden, SavingWritesTheFileBack) {
  expect_written_back(*load(GetParam()).model, detection_golden() / GetParam());
}

TEST_P(SetGolden, RowsFollowTheirClassesAndNoObjectStays) {
  const LoadedModel old = load(GetParam());
  const LoadedModel loaded = load(GetParam(), {"key", "bag", "cup"});
  EXPECT_EQ(loaded.head.kept, (std::vector<std::string>{"key", "cup"}));
  EXPECT_EQ(loaded.head.added, std::vector<std::string>{"bag"});
  EXPECT_TRUE(loaded.head.layers.empty()) << "the other layers of the head come from the file";
  ASSERT_FALSE(loaded.model->class_rows().empty());
  for (const auto& [layer, rows] : loaded.model->class_rows()) {
    for (const char* part : {".weight", ".bias"}) {
      const at::Tensor& now = *loaded.model->registry().find(layer + part)->value;
      const at::Tensor& before = *old.model->registry().find(layer + part)->value;
      ASSERT_EQ(now.size(0), has_sigmoids(*loaded.model) ? 3 : 4);
      EXPECT_TRUE(now[0].equal(before[2]));
      const bool rare = has_sigmoids(*loaded.model) && now.dim() == 1;
      EXPECT_NEAR(now[1].sum().item<double>(), rare ? -std::log(99) : 0, 1e-5);
      EXPECT_TRUE(now[2].equal(before[0]));
      if (now.size(0) == 4) EXPECT_TRUE(now[3].equal(before[3])) << "the row of no object";
    }
  }
}

TEST_P(SetGolden, EachQueryIsFoundOnce) {
  const LoadedModel loaded = load(GetParam());
  if (has_sigmoids(*loaded.model)) return;  // below
  const auto detector = make_detector(*loaded.model);
  const nn::Flow end = run(*loaded.model, golden.at("pixels"));
  DetectOptions options;
  options.score = 0;
  const auto found = detector->find(end, options);
  const at::Tensor scores = at::softmax(golden.at("logits"), -1).narrow(-1, 0, 3);
  const auto [best, labels] = scores.max(-1);
  ASSERT_EQ(found.size(), 3U);
  for (int64_t i = 0; i < 3; ++i) {
    const Detections& its = found[static_cast<size_t>(i)];
    const at::Tensor order = best[i].argsort(-1, true);
    ASSERT_EQ(static_cast<int64_t>(its.size()), order.size(0));
    for (int64_t k = 0; k < order.size(0); ++k) {
      const int64_t query = order[k].item<int64_t>();
      const Detection& one = its[static_cast<size_t>(k)];
      EXPECT_NEAR(one.score, best[i][query].item<float>(), 1e-4);
      EXPECT_EQ(one.label, labels[i][query].item<int64_t>());
      const at::Tensor box = golden.at("boxes")[i][query];
      const auto side = [&](int64_t c) { return box[c].item<float>(); };
      EXPECT_NEAR((one.box.x0 + one.box.x1) / 2, side(0) * 48, 0.01);
      EXPECT_NEAR((one.box.y0 + one.box.y1) / 2, side(1) * 32, 0.01);
      EXPECT_NEAR(one.box.width(), side(2) * 48, 0.01);
      EXPECT_NEAR(one.box.height(), side(3) * 32, 0.01);
    }
  }
  options.most = 2;
  EXPECT_EQ(detector->find(end, options)[0].size(), 2U);
  options.most = 300;
  options.iou = 0.0F;  // asked for: boxes of a class that meet are one object
  for (const Detections& its : detector->find(end, options)) {
    for (size_t a = 0; a < its.size(); ++a) {
      for (size_t b = 0; b < a; ++b)
        EXPECT_TRUE(its[a].label != its[b].label || image::iou(its[a].box, its[b].box) == 0);
    }
  }
}

/// As post_process_object_detection of transformers' DeformableDetrImageProcessor.
TEST_P(SetGolden, OfSigmoidsTheSurestAreFound) {
  const LoadedModel loaded = load(GetParam());
  if (!has_sigmoids(*loaded.model)) return;  // above
  const nn::Flow end = run(*loaded.model, golden.at("pixels"));
  DetectOptions options;
  options.score = 0;
  options.most = 10;
  const auto found = make_detector(*loaded.model)->find(end, options);
  const auto width = static_cast<float>(size_of(golden.at("pixels")).width);
  const auto [scores, places] = at::sigmoid(golden.at("logits")).flatten(1).topk(10, 1);
  for (int64_t i = 0; i < 3; ++i) {
    const Detections& its = found[static_cast<size_t>(i)];
    ASSERT_EQ(its.size(), 10U);
    for (int64_t k = 0; k < 10; ++k) {
      const Detection& one = its[static_cast<size_t>(k)];
      const int64_t place = places[i][k].item<int64_t>();
      EXPECT_NEAR(one.score, scores[i][k].item<float>(), 1e-4);
      EXPECT_EQ(one.label, place % 3);
      EXPECT_NEAR(one.box.width(), golden.at("boxes")[i][place / 3][2].item<float>() * width, 0.01);
    }
  }
}

/// All that is alive at a border is in the flow, and no place in memory matters: the cache of a
/// frozen prefix may begin anywhere.
TEST_P(SetGolden, TheChainMayBeCutAnywhere) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const at::NoGradGuard no_grad;
  for (const char* pixels : {"pixels", "pixels_large"}) {
    const nn::Flow whole = run(model, golden.at(pixels));
    for (int border = 1; border < model.size(); ++border) {
      nn::Context context;
      const nn::Flow below = model.forward({"pixels", golden.at(pixels)}, context, 0, border);
      const nn::Flow end = model.forward(
          below.map([](const at::Tensor& t) { return t.clone(at::MemoryFormat::Contiguous); }),
          context, border);
      for (const auto& [name, value] : whole.tensors())
        EXPECT_LT(largest_difference(end.at(name), value), 1e-5) << name << " from " << border;
    }
  }
}

TEST_P(SetGolden, RunAgainInBackwardGivesTheSameGradients) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  set_trained(model, true);
  nn::Context context;
  context.recompute = true;
  detector->loss(model.forward({"pixels", golden.at("pixels")}, context), truth_in(golden))
      .total.mean()
      .backward();
  for (const auto& p : model.registry().parameters) {
    if (p.is_buffer()) continue;
    const at::Tensor& expected = golden.at("grad." + p.name);
    EXPECT_LT((p.value->grad() - expected).norm().item<double>(),
              kTolerance * expected.norm().item<double>() + 1e-5)
        << p.name;
  }
}

TEST_P(SetGolden, BFloat16KeepsFloatOutputsAndGradients) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  set_trained(model, true);
  model.set_precision(at::kBFloat16);
  const nn::Flow end = run(model, golden.at("pixels"));
  for (const char* name : {"logits", "boxes"}) {
    EXPECT_EQ(end.at(name).scalar_type(), at::kFloat) << name;
    EXPECT_LT(relative_difference(end.at(name), golden.at(name)), 0.1) << name;
  }
  detector->loss(end, truth_in(golden)).total.mean().backward();
  expect_finite_gradients(model, true);
}

TEST_P(SetGolden, HardTruthCostsAFiniteNumber) {
  const LoadedModel loaded = load(GetParam());
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  set_trained(model, true);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::vector<Truth>> truth(3);
  const auto expect_finite = [&](int64_t matched, int64_t skipped) {
    const BoxLoss loss = detector->loss(run(model, golden.at("pixels")), truth);
    EXPECT_EQ(loss.matched, matched);
    EXPECT_EQ(loss.skipped, skipped);
    loss.total.mean().backward();
    expect_finite_gradients(model);
  };
  expect_finite(0, 0);
  truth[0] = {
      {{nan, 0, 5, 5}, 0}, {{99, 99, 120, 130}, 1}, {{5, 5, 5, 9}, 1}, {{-9, -9, 90, 90}, 2}};
  truth[2] = std::vector<Truth>(9, Truth{{3, 3, 3.01F, 3.01F}, 1});  // more than there are queries
  expect_finite(1 + 6, 3);
}

INSTANTIATE_TEST_SUITE_P(All, SetGolden,
                         testing::Values("detr", "detr_auxiliary", "deformable_detr",
                                         "deformable_detr_refined", "yolos", "yolos_plain"),
                         [](const auto& one) { return one.param; });

TEST(SetMatch, WhatIsNoNumberIsMatchedLast) {
  const SetTruth truth({{{{0, 0, 10, 10}, 0}, {{20, 20, 30, 30}, 1}}}, {40, 40}, 2);
  SetOutput output{at::zeros({1, 3, 3}), at::full({1, 3, 4}, 0.25)};
  output.logits[0][0].fill_(std::numeric_limits<float>::quiet_NaN());
  const SetPairs pairs = match_set(output, truth, {});
  EXPECT_TRUE(pairs.query.equal(at::tensor({1, 2}, at::kLong)));
  output.boxes[0][1].fill_(std::numeric_limits<float>::infinity());
  EXPECT_EQ(match_set(output, truth, {}).count(), 2);
}

TEST(SetLoss, FocalOfOneNumber) {
  // Lin et al. 2017, equation 5: -alpha (1 - p)^gamma log(p) of the right class.
  const at::Tensor logits = at::tensor({2.0, -1.0}, at::kDouble).view({1, 1, 2});
  const double p = 1 / (1 + std::exp(-2.0)), q = 1 / (1 + std::exp(1.0));
  const double expected =
      -0.25 * std::pow(1 - p, 2) * std::log(p) - 0.75 * std::pow(q, 2) * std::log(1 - q);
  const at::Tensor labels = at::zeros({1, 1}, at::kLong);
  EXPECT_NEAR(focal_loss(logits, labels, {0.25, 2}).item<double>(), expected, 1e-12);
}

/// Names and shapes of full-size models as save_pretrained writes them.
TEST(SetDetectors, PublishedNamesAndShapes) {
  const Json published = read_json(detection_golden() / "names.json", 1 << 20);
  for (const auto& [name, expected] : published.items()) {
    ModelSource source;
    source.config = expected["config"];
    source.config["num_labels"] = 91;
    source.task = Task::boxes;
    source.random = true;
    const LoadedModel loaded = load_model(source);
    const Family& family = find_family(loaded.model->family());
    std::set<std::string> ours;
    for (const auto& p : loaded.model->registry().parameters) {
      const std::string hub = hub_name(family, p.name);
      ASSERT_TRUE(expected["tensors"].contains(hub)) << name << ": " << hub;
      EXPECT_EQ(p.value->sizes().vec(), expected["tensors"][hub].get<std::vector<int64_t>>())
          << hub;
      EXPECT_EQ(module_name(family, hub), p.name);
      ours.insert(hub);
    }
    EXPECT_EQ(ours.size(), expected["tensors"].size()) << name;
  }
}

TEST(SetDetectors, ConfigsThatDoNotFitAreRefused) {
  const Json small = {{"model_type", "detr"},
                      {"d_model", 32},
                      {"encoder_layers", 1},
                      {"decoder_layers", 1},
                      {"backbone_config",
                       {{"model_type", "resnet"},
                        {"embedding_size", 4},
                        {"hidden_sizes", {4, 4}},
                        {"depths", {1, 1}},
                        {"layer_type", "basic"}}}};
  const auto with = [&](const Json& changes) {
    Json config = small;
    config.update(changes);
    return config;
  };
  const auto deformable = [&](Json changes) {
    changes["model_type"] = "deformable_detr";
    return with(changes);
  };
  expect_config_refused(with({{"encoder_attention_heads", 3}}), "multiple of 4");
  expect_config_refused(with({{"d_model", 34}}), "multiple of 4");
  expect_config_refused(with({{"decoder_layers", 0}}), "decoder_layers");
  expect_config_refused(with({{"position_embedding_type", "none"}}), "sine or learned");
  expect_config_refused(with({{"dilation", true}}), "dilation");
  expect_config_refused(with({{"backbone_config", nullptr}, {"backbone", "resnext50"}}),
                        "resnext50");
  expect_config_refused(
      with({{"backbone_config", {{"model_type", "resnet"}, {"out_features", {"stage3"}}}}}),
      "stage4");
  expect_config_refused(with({{"backbone_config", {{"model_type", "swin"}}}}), "swin");
  expect_config_refused(with({{"bbox_cost", -1}}), "bbox_cost");
  expect_config_refused(deformable({{"two_stage", true}}), "two_stage");
  expect_config_refused(deformable({{"d_model", 48}}), "multiple of 32");
  expect_config_refused(deformable({{"num_feature_levels", 1000}}), "num_feature_levels");
  expect_config_refused(deformable({{"focal_alpha", 2}}), "focal_alpha");
  expect_config_refused({{"model_type", "yolos"}, {"num_detection_tokens", 0}},
                        "num_detection_tokens");
  expect_config_refused({{"model_type", "yolos"}, {"auxiliary_loss", true}}, "auxiliary_loss");
}

}  // namespace
}  // namespace graft::models::test
