#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <set>

#include "graft/base/error.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/io/safetensors.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "tests/support/support.h"
#include "tests/unit/models/detection_golden.h"
#include "tests/unit/models/golden.h"
#include "tests/unit/models/scenes.h"

/// Faster R-CNN and RetinaNet against torchvision; tests/golden/detection_models/make_rcnn.py made
/// the numbers.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;

struct Reference {
  explicit Reference(const std::string& name)
      : reader(detection_golden() / (name + ".safetensors")),
        info(Json::parse(reader.metadata().at("info"))),
        config(info["config"]) {
    tensors = reader.all();
    const at::Tensor pixels = tensors.at("pixels");
    config["preprocessor"] = {{"image_processor_type", "RcnnImageProcessor"},
                              {"size", {{"height", pixels.size(2)}, {"width", pixels.size(3)}}}};
  }
  std::vector<std::vector<Truth>> truth() const {
    std::vector<std::vector<Truth>> all(2);
    const at::Tensor rows = tensors.at("objects").contiguous();
    for (int64_t i = 0; i < rows.size(0); ++i) {
      const float* r = rows.data_ptr<float>() + 6 * i;
      all[static_cast<size_t>(r[0])].push_back({{r[2], r[3], r[4], r[5]}, static_cast<int>(r[1])});
    }
    return all;
  }
  double loss(const std::string& part) const { return tensors.at("loss." + part).item<double>(); }

  io::SafetensorsReader reader;
  Json info, config;
  io::TensorMap tensors;
};

LoadedModel load(const std::string& name, const Json& overrides,
                 const std::vector<std::string>& classes = {}) {
  ModelSource source;
  source.path = (detection_golden() / (name + ".pth")).string();
  source.config = overrides;
  source.task = Task::boxes;
  return load_model(source, classes);
}

class Rcnn : public testing::TestWithParam<std::string> {
 protected:
  Rcnn()
      : reference_(GetParam()),
        loaded_(load(GetParam(), reference_.config)),
        detector_(make_detector(model())) {}

  Model& model() { return *loaded_.model; }
  nn::Flow run() {
    const at::NoGradGuard no_grad;
    nn::Context context;
    return model().forward({"pixels", reference_.tensors.at("pixels")}, context);
  }
  nn::Flow run_in_training() {
    nn::Context context;
    context.training = true;
    context.generator =
        at::detail::createCPUGenerator(reference_.info["draw_seed"].get<uint64_t>());
    nn::Flow flow("pixels", reference_.tensors.at("pixels"));
    flow["objects"] = objects_tensor(reference_.truth());
    return model().forward(std::move(flow), context);
  }
  bool two_stages() const { return GetParam() == "faster_rcnn"; }

  Reference reference_;
  LoadedModel loaded_;
  std::unique_ptr<Detector> detector_;
};

TEST_P(Rcnn, EveryTensorHasItsPlace) {
  EXPECT_TRUE(loaded_.unused.empty()) << loaded_.unused.front();
  EXPECT_TRUE(loaded_.other_heads.empty());
  EXPECT_EQ(model().classes(), (std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"}));
  EXPECT_TRUE(model().registry().batch_norms.empty()) << "those of a pretrained body are fixed";
}

TEST_P(Rcnn, OutputsAreTorchvisions) {
  const nn::Flow end = run();
  if (!two_stages()) {
    EXPECT_LT(largest_difference(end.at("logits"), reference_.tensors.at("logits")), kTolerance);
    EXPECT_LT(largest_difference(end.at("offsets"), reference_.tensors.at("offsets")), kTolerance);
    return;
  }
  for (int64_t i = 0; i < 2; ++i) {
    const auto expect = [&](const char* ours, const char* theirs) {
      const at::Tensor expected = reference_.tensors.at(fmt::format("{}{}", theirs, i));
      ASSERT_EQ(end.at("counts")[i].item<int64_t>(), expected.size(0));
      EXPECT_LT(largest_difference(end.at(ours)[i].narrow(0, 0, expected.size(0)), expected),
                kTolerance * std::max(1.0, expected.abs().max().item<double>()));
    };
    expect("regions", "proposals");
    expect("logits", "logits");
    expect("shifts", "shifts");
  }
}

TEST_P(Rcnn, FindsWhatTorchvisionFinds) {
  const float score = reference_.info["score"].get<float>();
  const auto found = detector_->find(run(), {.score = score, .most = two_stages() ? 100 : 300});
  for (size_t i = 0; i < 2; ++i) {
    const at::Tensor expected = reference_.tensors.at(fmt::format("found{}", i)).contiguous();
    ASSERT_EQ(static_cast<int64_t>(found[i].size()), expected.size(0));
    for (size_t k = 0; k < found[i].size(); ++k) {
      const float* row = expected.data_ptr<float>() + 6 * k;
      EXPECT_EQ(found[i][k].label, static_cast<int>(row[0]));
      EXPECT_NEAR(found[i][k].score, row[1], kTolerance);
      const image::Box& box = found[i][k].box;
      EXPECT_NEAR(box.x0, row[2], 1e-2);
      EXPECT_NEAR(box.y0, row[3], 1e-2);
      EXPECT_NEAR(box.x1, row[4], 1e-2);
      EXPECT_NEAR(box.y1, row[5], 1e-2);
    }
  }
}

TEST_P(Rcnn, OptionsOfFind) {
  const nn::Flow end = run();
  const auto all = detector_->find(end, {.score = 0.05F, .iou = 1.F, .most = 100000});
  const auto some = detector_->find(end, {.score = 0.05F, .iou = 0.1F, .most = 100000});
  const auto few = detector_->find(end, {.score = 0.05F, .iou = 0.1F, .most = 3});
  EXPECT_GT(all[0].size(), some[0].size());
  ASSERT_EQ(few[0].size(), 3U);
  for (size_t k = 0; k < 3; ++k) EXPECT_EQ(few[0][k].box, some[0][k].box);
  const auto sure = detector_->find(end, {.score = 0.5F});
  for (const Detection& one : sure[0]) EXPECT_GT(one.score, 0.5F);
}

TEST_P(Rcnn, LosesWhatTorchvisionLoses) {
  set_trained(model(), true);
  const nn::Flow end = run_in_training();
  const BoxLoss loss = detector_->loss(end, reference_.truth());
  EXPECT_EQ(loss.skipped, 0);
  EXPECT_GT(loss.matched, 4);
  const auto mean = [](const at::Tensor& t) { return t.mean().item<double>(); };
  if (two_stages()) {
    for (int64_t i = 0; i < 2; ++i) {
      const at::Tensor expected = reference_.tensors.at(fmt::format("regions{}", i));
      ASSERT_EQ(end.at("counts")[i].item<int64_t>(), expected.size(0));
      EXPECT_LT(largest_difference(end.at("regions")[i], expected), 1e-3) << "other draws";
    }
    EXPECT_NEAR(mean(loss.objectness), reference_.loss("loss_objectness"), kTolerance);
    EXPECT_NEAR(mean(loss.classes), reference_.loss("loss_classifier"), kTolerance);
    EXPECT_NEAR(mean(loss.box),
                reference_.loss("loss_box_reg") + reference_.loss("loss_rpn_box_reg"), kTolerance);
  } else {
    EXPECT_EQ(mean(loss.objectness), 0);
    EXPECT_NEAR(mean(loss.classes), reference_.loss("classification"), kTolerance);
    EXPECT_NEAR(mean(loss.box), reference_.loss("bbox_regression"), kTolerance);
  }
  EXPECT_TRUE(loss.total.allclose(loss.box + loss.objectness + loss.classes));
  loss.total.mean().backward();
  int64_t compared = 0;
  for (const auto& p : model().registry().parameters) {
    if (p.is_buffer()) continue;
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    EXPECT_LT(relative_difference(p.value->grad(), reference_.tensors.at("grad." + p.name)),
              kTolerance)
        << p.name;
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

TEST_P(Rcnn, LossOfAPictureIsItsOwnAndAlwaysAlike) {
  // As in an evaluation, which draws the same boxes each time.
  const auto truth = reference_.truth();
  const at::Tensor both = detector_->loss(run(), truth).total;
  EXPECT_TRUE(both.equal(detector_->loss(run(), truth).total));
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::Flow one =
      model().forward({"pixels", reference_.tensors.at("pixels").narrow(0, 1, 1)}, context);
  EXPECT_NEAR(detector_->loss(one, {truth[1]}).total.item<double>(), both[1].item<double>(), 1e-4);
}

TEST_P(Rcnn, NothingThere) {
  set_trained(model(), true);
  nn::Context context;
  context.training = true;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<Truth>> truth = {
      {}, {{{5, 5, 5, 20}, 0}, {{nan, 1, 9, 9}, 1}, {{500, 500, 600, 600}, 2}}};
  nn::Flow flow("pixels", reference_.tensors.at("pixels"));
  flow["objects"] = objects_tensor(truth);
  const BoxLoss loss = detector_->loss(model().forward(std::move(flow), context), truth);
  EXPECT_EQ(loss.skipped, 3);
  EXPECT_EQ(loss.matched, 0);
  EXPECT_EQ(loss.box.abs().max().item<float>(), 0);
  EXPECT_TRUE((loss.total > 0).all().item<bool>()) << "saying nothing must be learned, too";
  loss.total.sum().backward();
  expect_finite_gradients(model());
}

TEST_P(Rcnn, InBfloat16) {
  model().set_precision(at::kBFloat16);
  set_trained(model(), true);
  const nn::Flow end = run_in_training();
  for (const char* name : {"logits", "offsets"})
    EXPECT_EQ(end.at(name).scalar_type(), at::kFloat) << name;
  const BoxLoss loss = detector_->loss(end, reference_.truth());
  loss.total.mean().backward();
  expect_finite_gradients(model(), true);
}

TEST_P(Rcnn, WrittenInTorchvisionsNames) {
  const graft::test::ScratchDir scratch;
  save_model(model(), scratch.path());
  std::set<std::string> names, theirs;
  for (const auto& name : io::read_checkpoint(scratch.path()).names()) names.insert(name);
  for (const auto& name : io::read_checkpoint(detection_golden() / (GetParam() + ".pth")).names())
    theirs.insert(name);
  EXPECT_EQ(names, theirs);
  ModelSource source;
  source.path = scratch.path().string();
  source.task = Task::boxes;
  const LoadedModel again = load_model(source);
  EXPECT_EQ(again.model->preprocess(), model().preprocess());
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::Flow end = again.model->forward({"pixels", reference_.tensors.at("pixels")}, context);
  EXPECT_TRUE(end.at("logits").equal(run().at("logits")));
}

TEST_P(Rcnn, PicturesMustFitThePyramid) {
  image::Preprocess preprocess = model().preprocess();
  preprocess.resize_width = 100;
  model().set_preprocess(preprocess);
  EXPECT_GRAFT_ERROR(make_detector(model()), ErrorCode::unreadable, "multiples of 32");
}

TEST_P(Rcnn, ClassesFollowTheirNames) {
  const LoadedModel other =
      load(GetParam(), reference_.config, {"new", "LABEL_2", "LABEL_0", "newer"});
  EXPECT_EQ(other.head.kept, (std::vector<std::string>{"LABEL_2", "LABEL_0"}));
  EXPECT_EQ(other.head.added, (std::vector<std::string>{"new", "newer"}));
  EXPECT_EQ(other.head.dropped, (std::vector<std::string>{"LABEL_1"}));
  const auto rows = [&](Model& m, const std::string& layer, const std::string& tensor) {
    return *m.registry().find(layer + "." + tensor)->value;
  };
  for (const std::string tensor : {"weight", "bias"}) {
    if (!two_stages()) {
      const std::string layer = "head.classification_head.cls_logits";
      const at::Tensor now = rows(*other.model, layer, tensor).unflatten(0, {9, 4});
      const at::Tensor was = rows(model(), layer, tensor).unflatten(0, {9, 3});
      EXPECT_TRUE(now.select(1, 1).equal(was.select(1, 2)));
      EXPECT_TRUE(now.select(1, 2).equal(was.select(1, 0)));
      const double fresh = tensor == "bias" ? std::log(0.01 / 0.99) : 0;
      for (const int64_t row : {0, 3})
        EXPECT_TRUE(now.select(1, row).allclose(at::full({}, fresh))) << row;
      continue;
    }
    for (const auto& [layer, each] : {std::pair{"cls_score", 1}, std::pair{"bbox_pred", 4}}) {
      const std::string path = std::string("roi_heads.box_predictor.") + layer;
      const at::Tensor now = rows(*other.model, path, tensor).unflatten(0, {5, each});
      const at::Tensor was = rows(model(), path, tensor).unflatten(0, {4, each});
      EXPECT_TRUE(now[0].equal(was[0])) << "nothing";
      EXPECT_TRUE(now[2].equal(was[3]));
      EXPECT_TRUE(now[3].equal(was[1]));
      EXPECT_EQ(now[1].abs().max().item<float>(), 0);
      EXPECT_EQ(now[4].abs().max().item<float>(), 0);
    }
  }
  // And again, from one model to another.
  const LoadedModel back = refit_head(*other.model, {"LABEL_0", "LABEL_2"});
  EXPECT_EQ(back.head.kept.size(), 2U);
  EXPECT_EQ(make_detector(*back.model)->find(run(), {.score = 1}).size(), 2U);
}

TEST_P(Rcnn, ChainOfBodyPyramidAndHead) {
  std::map<Span, std::set<std::string>> paths;
  for (const auto& p : model().registry().parameters)
    paths[model().block_span(p.block)].insert(p.name.substr(0, p.name.find('.', 9)));
  EXPECT_EQ(paths[Span::backbone], std::set<std::string>{"backbone.body"});
  EXPECT_EQ(paths[Span::neck], std::set<std::string>{"backbone.fpn"});
  EXPECT_FALSE(paths[Span::head].contains("backbone.fpn"));
  EXPECT_EQ(model().block_name(model().size() - 1), "head");
  for (const auto& [layer, rows] : model().class_rows())
    EXPECT_EQ(model().registry().find(layer + ".weight")->block, model().size() - 1);
}

INSTANTIATE_TEST_SUITE_P(Families, Rcnn, testing::Values("faster_rcnn", "retinanet"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace graft::models::test
