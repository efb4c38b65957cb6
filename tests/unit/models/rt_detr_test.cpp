#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "graft/io/safetensors.h"
#include "graft/models/box_truth.h"
#include "graft/models/rt_detr/denoising.h"
#include "graft/models/rt_detr/distribution.h"
#include "graft/nn/norm.h"
#include "tests/unit/models/detection_golden.h"
#include "tests/unit/models/golden.h"

/// RT-DETR, its second version and D-FINE against transformers;
/// tests/golden/detection_models/make_rt_detr.py made the numbers.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;
constexpr uint64_t kSeed = 40;  // of the noise
const std::vector<std::string> kClasses = {"hat", "shoe", "glove"};

/// As training runs it: objects with noise take part, norms use the batch.
nn::Flow run_in_training(Model& model, const at::Tensor& pixels, const at::Tensor& objects,
                         uint64_t seed) {
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(true);
  nn::Context context;
  context.training = true;
  context.generator = at::detail::createCPUGenerator(seed);
  nn::Flow flow("pixels", pixels);
  flow["objects"] = objects;
  return model.forward(std::move(flow), context);
}

nn::Flow run(Model& model, const at::Tensor& pixels) {
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(false);
  nn::Context context;
  return model.forward({"pixels", pixels}, context);
}

class RtDetrGolden : public testing::TestWithParam<std::string> {
 protected:
  RtDetrGolden()
      : golden(io::SafetensorsReader(folder() / "golden.safetensors").all()),
        pixels(golden.at("pixels")),
        objects(golden.at("objects")) {}

  static std::filesystem::path folder() { return detection_golden() / GetParam(); }

  LoadedModel load(const std::vector<std::string>& classes = {}) const {
    ModelSource source;
    source.path = folder().string();
    source.task = Task::boxes;
    LoadedModel loaded = load_model(source, classes);
    image::Preprocess preprocess = loaded.model->preprocess();
    EXPECT_EQ(preprocess.output().width, 640) << "what RTDetrImageProcessor does by itself";
    EXPECT_FALSE(preprocess.normalize);
    preprocess.resize_height = static_cast<int>(pixels.size(2));
    preprocess.resize_width = static_cast<int>(pixels.size(3));
    loaded.model->set_preprocess(preprocess);
    return loaded;
  }

  io::TensorMap golden;
  at::Tensor pixels, objects;

 private:
  OneThread one_thread_;
};

TEST_P(RtDetrGolden, EveryTensorOfTheFileHasItsPlace) {
  const LoadedModel loaded = load();
  EXPECT_TRUE(loaded.unused.empty()) << loaded.unused.front();
  EXPECT_TRUE(loaded.missing.empty()) << loaded.missing.front();
  EXPECT_EQ(loaded.head.kept, kClasses);
  const Model& model = *loaded.model;
  EXPECT_EQ(model.block_span(0), Span::backbone);
  EXPECT_EQ(model.block_span(model.size() - 2), Span::neck);
  EXPECT_EQ(model.head(), model.size() - 1);
}

TEST_P(RtDetrGolden, Outputs) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  {
    const at::NoGradGuard no_grad;  // the folded path of norms
    const nn::Flow end = run(model, pixels);
    EXPECT_LT(largest_difference(end.at("logits"), golden.at("logits")), kTolerance);
    EXPECT_LT(largest_difference(end.at("boxes"), golden.at("boxes")), kTolerance);
  }
  set_trained(model, true);
  const nn::Flow end = run(model, pixels);
  EXPECT_LT(largest_difference(end.at("logits"), golden.at("logits")), kTolerance);
  const BoxLoss loss = make_detector(model)->loss(end, truth_in(objects));
  EXPECT_NEAR(loss.total.mean().item<double>(), golden.at("eval_loss").item<double>(),
              kTolerance * golden.at("eval_loss").item<double>());
}

TEST_P(RtDetrGolden, Loss) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  const BoxLoss loss =
      make_detector(model)->loss(run_in_training(model, pixels, objects, kSeed), truth_in(objects));
  EXPECT_EQ(loss.matched, 5);
  EXPECT_EQ(loss.skipped, 0);
  const double expected = golden.at("loss").item<double>();
  EXPECT_NEAR(loss.total.mean().item<double>(), expected, kTolerance * expected);
  EXPECT_NEAR(loss.classes.mean().item<double>(), golden.at("loss_classes").item<double>(),
              kTolerance * expected);
  EXPECT_NEAR(loss.box.mean().item<double>(), golden.at("loss_box").item<double>(),
              kTolerance * expected);
}

TEST_P(RtDetrGolden, GradientsInDouble) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  to_double(model);
  set_trained(model, true);
  const nn::Flow end = run_in_training(model, pixels.to(at::kDouble), objects, kSeed);
  detector->loss(end, truth_in(objects)).total.mean().backward();
  int64_t compared = 0;
  for (const auto& p : model.registry().parameters) {
    if (p.is_buffer()) continue;
    const at::Tensor* gradient = golden.find("grad." + p.name);
    if (!gradient) {
      EXPECT_TRUE(!p.value->grad().defined() || p.value->grad().abs().max().item<double>() == 0)
          << p.name << " has a gradient here, but not in transformers";
      continue;
    }
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    // The file has them in float32; and the shifts of D-FINE are float32 in transformers' loss.
    EXPECT_LT((p.value->grad() - *gradient).norm().item<double>(),
              1e-6 * gradient->norm().item<double>() + 1e-7)
        << p.name;
    ++compared;
  }
  EXPECT_EQ(compared, std::count_if(golden.begin(), golden.end(), [](const auto& item) {
              return item.first.starts_with("grad.");
            }));
}

TEST_P(RtDetrGolden, TenStepsOfTrainingInDouble) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  to_double(model);
  set_trained(model, true);
  AdamW optimizer(model, GetParam() == "rt_detr_v2_discrete" ? 1e-4 : 1e-3);  // as the script
  const auto truth = truth_in(objects);
  for (int64_t i = 0; i < 10; ++i) {
    const nn::Flow end =
        run_in_training(model, pixels.to(at::kDouble), objects, kSeed + static_cast<uint64_t>(i));
    const at::Tensor loss = detector->loss(end, truth).total.mean();
    // The shifts of D-FINE are in float32 in transformers' loss.
    EXPECT_NEAR(loss.item<double>(), golden.at("train_loss")[i].item<double>(), 1e-4) << i;
    loss.backward();
    optimizer.step();
  }
}

TEST_P(RtDetrGolden, BFloat16KeepsFloatOutputsAndGradients) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  set_trained(model, true);
  model.set_precision(at::kBFloat16);
  const nn::Flow end = run_in_training(model, pixels, objects, kSeed);
  EXPECT_EQ(end.at("logits").scalar_type(), at::kFloat);
  const BoxLoss loss = make_detector(model)->loss(end, truth_in(objects));
  EXPECT_NEAR(loss.total.mean().item<double>(), golden.at("loss").item<double>(),
              0.2 * golden.at("loss").item<double>());
  loss.total.mean().backward();
  expect_finite_gradients(model);
}

TEST_P(RtDetrGolden, SavingWritesTheFileBack) {
  expect_written_back(*load().model, folder());
}

TEST_P(RtDetrGolden, RowsOfAllHeadsFollowTheirClasses) {
  const LoadedModel old = load();
  const LoadedModel loaded = load({"glove", "scarf", "hat", "belt"});
  EXPECT_EQ(loaded.head.kept, (std::vector<std::string>{"glove", "hat"}));
  const auto value = [](const LoadedModel& of, const std::string& name) {
    return *of.model->registry().find(name)->value;
  };
  std::vector<std::string> heads = {"model.enc_score_head"};
  for (const char* layer : {"0", "1", "2"})
    heads.push_back(std::string("model.decoder.class_embed.") + layer);
  for (const std::string& head : heads) {
    const at::Tensor now = value(loaded, head + ".weight"), before = value(old, head + ".weight");
    ASSERT_EQ(now.size(0), 4) << head;
    EXPECT_TRUE(now[0].equal(before[2]) && now[2].equal(before[0])) << head;
    const at::Tensor bias = value(loaded, head + ".bias");
    EXPECT_TRUE(bias[0].equal(value(old, head + ".bias")[2])) << head;
    EXPECT_NEAR(at::sigmoid(bias[1]).item<double>(), 0.2, 1e-6) << "rare at first: one in five";
  }
  const char* noise = "model.denoising_class_embed.weight";
  const at::Tensor now = value(loaded, noise), before = value(old, noise);
  ASSERT_EQ(now.size(0), 5);
  EXPECT_TRUE(now[0].equal(before[2]) && now[2].equal(before[0]));
  EXPECT_TRUE(now[4].equal(before[3])) << "the row that stands for none";
}

TEST_P(RtDetrGolden, ScoresOfAllClassesAreFoundBestFirst) {
  const LoadedModel loaded = load();
  const nn::Flow end = run(*loaded.model, pixels);
  const auto found = make_detector(*loaded.model)->find(end, {.score = 0, .iou = {}, .most = 7});
  const at::Tensor scores = at::sigmoid(golden.at("logits")).flatten(1);
  const auto [best, places] = scores.topk(7, 1);
  for (int64_t i = 0; i < pixels.size(0); ++i) {
    ASSERT_EQ(found[static_cast<size_t>(i)].size(), 7U);
    for (int64_t k = 0; k < 7; ++k) {
      const Detection& one = found[static_cast<size_t>(i)][static_cast<size_t>(k)];
      EXPECT_NEAR(one.score, best[i][k].item<float>(), 1e-5);
      EXPECT_EQ(one.label, places[i][k].item<int64_t>() % 3);
      const at::Tensor box = golden.at("boxes")[i][places[i][k].item<int64_t>() / 3];
      EXPECT_NEAR((one.box.x0 + one.box.x1) / 2,
                  box[0].item<float>() * static_cast<float>(pixels.size(3)), 0.01);
      EXPECT_NEAR(one.box.height(), box[3].item<float>() * static_cast<float>(pixels.size(2)),
                  0.01);
    }
  }
}

TEST_P(RtDetrGolden, HardTruthCostsAFiniteNumber) {
  const LoadedModel loaded = load();
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  set_trained(model, true);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto expect_finite = [&](const at::Tensor& there, int64_t matched, int64_t skipped) {
    const nn::Flow end = run_in_training(model, pixels, there, 1);
    const BoxLoss loss = detector->loss(end, truth_in(there));
    EXPECT_EQ(loss.matched, matched);
    EXPECT_EQ(loss.skipped, skipped);
    loss.total.mean().backward();
    expect_finite_gradients(model);
  };
  expect_finite(at::full({3, 1, 5}, -1.F), 0, 0);
  at::Tensor there = at::full({3, 14, 5}, -1.F);
  there[0][0] = at::tensor({nan, 0.F, 5.F, 5.F, 0.F});
  there[0][1] = at::tensor({900.F, 4.F, 950.F, 9.F, 1.F});
  there[0][2] = at::tensor({-9.F, -9.F, 990.F, 990.F, 2.F});
  there[2].copy_(at::tensor({3.F, 3.F, 3.01F, 3.01F, 1.F}).expand({14, 5}));  // more than queries
  expect_finite(there, 1 + 10, 2);
}

INSTANTIATE_TEST_SUITE_P(All, RtDetrGolden,
                         testing::Values("rt_detr", "rt_detr_v2", "rt_detr_v2_discrete", "d_fine",
                                         "d_fine_two"),
                         [](const auto& one) { return one.param; });

TEST(Denoising, GroupsAreOnTheirOwnAndQueriesSeeNone) {
  // Two groups of two objects with noise, then three queries.
  const at::Tensor mask = rtdetr::noise_mask(4, 2, 3, at::zeros({1}));
  const at::Tensor hidden = at::isinf(mask).to(at::kInt);
  const at::Tensor expected = at::tensor({0, 0, 1, 1, 0, 0, 0,  //
                                          0, 0, 1, 1, 0, 0, 0,  //
                                          1, 1, 0, 0, 0, 0, 0,  //
                                          1, 1, 0, 0, 0, 0, 0,  //
                                          1, 1, 1, 1, 0, 0, 0,  //
                                          1, 1, 1, 1, 0, 0, 0,  //
                                          1, 1, 1, 1, 0, 0, 0},
                                         at::kInt)
                                  .view({7, 7});
  EXPECT_TRUE(hidden.equal(expected));
}

TEST(Distribution, EdgesComeBackFromWhatIsWanted) {
  const rtdetr::Settings settings(Json{{"max_num_bins", 16}}, rtdetr::Kind::d_fine);
  const at::Tensor references = at::tensor({0.5, 0.4, 0.2, 0.3}, at::kDouble).view({1, 4});
  const at::Tensor corners = at::tensor({0.37, 0.2, 0.63, 0.56}, at::kDouble).view({1, 4});
  const auto wanted = rtdetr::wanted_distributions(references, corners, settings);
  at::Tensor shares = at::zeros({4, 17}, at::kDouble);
  shares.scatter_add_(1, wanted.below.unsqueeze(1), wanted.share_below.unsqueeze(1));
  shares.scatter_add_(1, wanted.below.unsqueeze(1) + 1, wanted.share_above.unsqueeze(1));
  const at::Tensor values = rtdetr::shifts(settings, references);
  const at::Tensor boxes = rtdetr::shifted(
      references, rtdetr::mean_shifts(shares.log().clamp_min(-700).view({1, -1}), values),
      settings.reg_scale);
  EXPECT_LT(
      largest_difference(boxes, at::tensor({0.5, 0.38, 0.26, 0.36}, at::kDouble).view({1, 4})),
      1e-9);
}

/// What a config says that the network cannot be.
TEST(RtDetr, ConfigsThatDoNotFitAreRefused) {
  const auto refused = [](const char* type, const Json& changes, const std::string& says) {
    Json config = {{"model_type", type},
                   {"decoder_layers", 1},
                   {"preprocessor", {{"image_processor_type", "RTDetrImageProcessor"}}}};
    config.update(changes);
    expect_config_refused(config, says);
  };
  refused("rt_detr_v2", {{"d_model", 255}}, "d_model");
  refused("rt_detr_v2", {{"decoder_n_levels", 4}}, "decoder_n_levels");
  refused("rt_detr_v2", {{"decoder_method", "nearest"}}, "discrete");
  refused("rt_detr_v2", {{"encode_proj_layers", {3}}}, "encode_proj_layers");
  refused("rt_detr_v2", {{"use_focal_loss", false}}, "use_focal_loss");
  refused("rt_detr_v2", {{"backbone_config", {{"model_type", "swin"}}}}, "swin");
  refused("rt_detr_v2", {{"backbone_config", {{"out_features", {"stage9"}}}}}, "stage9");
  refused("rt_detr_v2", {{"weight_loss_vfl", -1}}, "weight_loss_vfl");
  refused("d_fine", {{"eval_idx", 2}, {"decoder_layers", 6}}, "eval_idx");
  refused("d_fine", {{"max_num_bins", 7}}, "max_num_bins");
  refused("d_fine", {{"decoder_n_points", {4, 4}}}, "decoder_n_points");
  refused("d_fine",
          {{"preprocessor", {{"image_processor_type", "RTDetrImageProcessor"}, {"size", 650}}}},
          "multiples of 32");
}

}  // namespace
}  // namespace graft::models::test
