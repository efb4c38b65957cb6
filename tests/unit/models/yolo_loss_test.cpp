#include "graft/models/darknet/yolo_loss.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// The loss against Darknet's own layer (tests/golden/darknet/make_yolo_loss.py), against
/// differences, and where there is little to learn.
namespace graft::models::test {
namespace {

constexpr double kUsualBoxWeight = 0.07;

struct Setting {
  std::vector<io::DarknetYolo> yolos;
  io::MapShape input;
  std::vector<const io::DarknetYolo*> heads() const {
    std::vector<const io::DarknetYolo*> list;
    for (const auto& yolo : yolos) list.push_back(&yolo);
    return list;
  }
};

/// The golden's network, learning as `kind` says.
Setting setting_of(const Json& info, const std::string& kind) {
  Setting setting;
  setting.input = {3, info["height"].get<int64_t>(), info["width"].get<int64_t>()};
  const Json& how = info["cases"][kind];
  for (const Json& mask : info["masks"]) {
    io::DarknetYolo yolo;
    for (size_t i = 0; i < info["anchors"].size(); i += 2)
      yolo.anchors.push_back(
          {info["anchors"][i].get<double>(), info["anchors"][i + 1].get<double>()});
    yolo.mask = mask.get<std::vector<int>>();
    yolo.classes = info["classes"].get<int64_t>();
    yolo.scale_x_y = how["scale_x_y"].get<double>();
    yolo.ignore_thresh = how["ignore_thresh"].get<double>();
    yolo.iou_thresh = how["iou_thresh"].get<double>();
    yolo.iou_normalizer = how["iou_normalizer"].get<double>();
    yolo.obj_normalizer = how["obj_normalizer"].get<double>();
    yolo.cls_normalizer = how["cls_normalizer"].get<double>();
    yolo.label_smooth_eps = how["label_smooth_eps"].get<double>();
    yolo.iou_loss = kind;
    setting.yolos.push_back(yolo);
  }
  return setting;
}

std::vector<std::vector<Truth>> truth_of(const at::Tensor& rows, size_t pictures) {
  std::vector<std::vector<Truth>> truth(pictures);
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const float* r = rows[i].data_ptr<float>();
    truth[static_cast<size_t>(r[0])].push_back({{r[2], r[3], r[4], r[5]}, static_cast<int>(r[1])});
  }
  return truth;
}

class YoloLoss : public testing::TestWithParam<std::string> {
 protected:
  YoloLoss()
      : reader_(graft::test::source_dir() / "tests" / "golden" / "darknet" /
                "yolo_loss.safetensors"),
        info_(Json::parse(reader_.metadata().at("info"))) {}

  std::vector<at::Tensor> maps(at::ScalarType type) const {
    std::vector<at::Tensor> all;
    for (int k = 0; k < 2; ++k)
      all.push_back(reader_.tensor(fmt::format("{}.maps{}", GetParam(), k)).to(type, false, true));
    return all;
  }
  std::vector<std::vector<Truth>> truth() const {
    return truth_of(reader_.tensor(GetParam() + ".truth"), 3);
  }

  io::SafetensorsReader reader_;
  Json info_;
};

TEST_P(YoloLoss, GradientsAreDarknetsDeltas) {
  const Setting setting = setting_of(info_, GetParam());
  const auto maps = this->maps(at::kDouble);
  for (const at::Tensor& map : maps) map.set_requires_grad(true);
  const BoxLoss loss = yolo_loss(maps, setting.heads(), setting.input, truth());
  EXPECT_EQ(loss.skipped, 0);
  loss.total.sum().backward();
  for (size_t k = 0; k < maps.size(); ++k) {
    const io::DarknetYolo& yolo = setting.yolos[k];
    const auto rows = [&](const at::Tensor& t) {
      return t.view(
          {3, static_cast<int64_t>(yolo.mask.size()), 5 + yolo.classes, t.size(2), t.size(3)});
    };
    const at::Tensor ours = rows(maps[k].grad());
    const at::Tensor theirs = -rows(reader_.tensor(fmt::format("{}.delta{}", GetParam(), k)));
    // Objectness and classes are the same thing in both.
    EXPECT_LT(largest_difference(ours.slice(2, 4), theirs.slice(2, 4)), 1e-5);
    if (GetParam() == "mse") {
      EXPECT_LT(largest_difference(ours.slice(2, 0, 4), theirs.slice(2, 0, 4)), 1e-4);
      continue;
    }
    // Sides: the same places learn. Darknet's derivatives are off there, and by the centre as well
    // where the distance of the centres counts (make_yolo_loss.py).
    EXPECT_TRUE((ours.slice(2, 2, 4) != 0).equal(theirs.slice(2, 2, 4) != 0));
    if (GetParam() == "diou" || GetParam() == "ciou") continue;
    // Darknet leaves out how the centre follows from the output.
    const at::Tensor t = rows(maps[k].detach()).slice(2, 0, 2);
    const at::Tensor cells = at::tensor({maps[k].size(3), maps[k].size(2)}, at::kDouble);
    const at::Tensor follows =
        t.sigmoid() * (1 - t.sigmoid()) * yolo.scale_x_y / cells.view({1, 1, 2, 1, 1});
    const at::Tensor expected = theirs.slice(2, 0, 2) / yolo.iou_normalizer *
                                (yolo.iou_normalizer / kUsualBoxWeight) * follows;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
    EXPECT_LT(largest_difference(ours.slice(2, 0, 2), expected), 1e-5);
  }
}

/// Of ciou one factor is a constant to the gradient (tests/unit/nn/box_overlap_test.cpp).
class YoloLossSlopes : public YoloLoss {};

TEST_P(YoloLossSlopes, AreThoseOfDifferences) {
  const Setting setting = setting_of(info_, GetParam());
  const auto maps = this->maps(at::kDouble);
  const auto there = truth();
  const auto value = [&] {
    const at::NoGradGuard no_grad;
    return yolo_loss(maps, setting.heads(), setting.input, there).total.sum().item<double>();
  };
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& map : maps) leaves.push_back(map.clone().set_requires_grad(true));
  yolo_loss(leaves, setting.heads(), setting.input, there).total.sum().backward();
  constexpr double kStep = 1e-5;
  int64_t learned = 0;
  for (size_t k = 0; k < maps.size(); ++k) {
    double* at = maps[k].data_ptr<double>();
    const double* gradient = leaves[k].grad().data_ptr<double>();
    const int64_t area = maps[k].size(2) * maps[k].size(3);
    for (int64_t i = 0; i < maps[k].numel(); ++i) {
      // What is learned, and some of the many places that are empty.
      const bool objectness = i / area % (5 + setting.yolos[k].classes) == 4;
      if ((gradient[i] == 0 || objectness) && i % 37 != 0) continue;
      const double before = at[i];
      at[i] = before + kStep;
      const double up = value();
      at[i] = before - kStep;
      const double down = value();
      at[i] = before;
      const double expected = (up - down) / (2 * kStep);
      ASSERT_NEAR(gradient[i], expected, 1e-5 * std::max(1.0, std::abs(expected))) << k << " " << i;
      learned += gradient[i] != 0;
    }
  }
  EXPECT_GT(learned, 60);
}

TEST_P(YoloLoss, PartsMakeUpTheWhole) {
  const Setting setting = setting_of(info_, GetParam());
  const BoxLoss loss = yolo_loss(maps(at::kFloat), setting.heads(), setting.input, truth());
  EXPECT_EQ(loss.total.sizes().vec(), std::vector<int64_t>{3});
  EXPECT_TRUE(loss.total.allclose(loss.box + loss.objectness + loss.classes));
  EXPECT_GT(loss.box[0].item<float>(), 0);
  EXPECT_EQ(loss.box[2].item<float>(), 0) << "nothing is there";
  EXPECT_GT(loss.objectness[2].item<float>(), 0);
  // Each picture costs what it costs alone.
  std::vector<at::Tensor> one;
  for (const at::Tensor& map : maps(at::kFloat)) one.push_back(map.narrow(0, 1, 1));
  const BoxLoss alone = yolo_loss(one, setting.heads(), setting.input, {truth()[1]});
  EXPECT_NEAR(alone.total.item<float>(), loss.total[1].item<float>(), 1e-3);
}

TEST_P(YoloLoss, NothingIsNan) {
  Setting setting = setting_of(info_, GetParam());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<Truth>> there = {
      {{{10, 10, 10, 30}, 0}, {{10, 10, 5, 5}, 1}, {{nan, 0, 10, 10}, 2}, {{200, 0, 300, 10}, 0}},
      {{{-50, -50, 500, 500}, 1}, {{95.99F, 63.99F, 96, 64}, 2}},
      {}};
  for (const double extreme : {0.0, 1e4, -1e4}) {
    std::vector<at::Tensor> maps;
    for (const at::Tensor& map : this->maps(at::kFloat))
      maps.push_back(at::full_like(map, extreme).set_requires_grad(true));
    const BoxLoss loss = yolo_loss(maps, setting.heads(), setting.input, there);
    EXPECT_EQ(loss.skipped, 4);
    EXPECT_GT(loss.matched, 1);
    EXPECT_TRUE(loss.total.isfinite().all().item<bool>());
    loss.total.sum().backward();
    for (const at::Tensor& map : maps) EXPECT_TRUE(map.grad().isfinite().all().item<bool>());
  }
}

TEST_P(YoloLoss, GoesDownWhenFollowed) {
  const Setting setting = setting_of(info_, GetParam());
  auto maps = this->maps(at::kFloat);
  const auto there = truth();
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    for (at::Tensor& map : maps) map = map.detach().set_requires_grad(true);
    const BoxLoss loss = yolo_loss(maps, setting.heads(), setting.input, there);
    last = loss.total.sum().item<double>();
    if (step == 0) first = last;
    loss.total.sum().backward();
    const at::NoGradGuard no_grad;
    for (at::Tensor& map : maps) map = map - 0.5 * map.grad();
  }
  EXPECT_LT(last, first / 2);
}

TEST_P(YoloLoss, WhatGraftDoesNotTrainWith) {
  Setting setting = setting_of(info_, GetParam());
  setting.yolos[1].not_learned = {"focal_loss=1"};
  EXPECT_GRAFT_ERROR(yolo_loss(maps(at::kFloat), setting.heads(), setting.input, truth()),
                     ErrorCode::usage, "focal_loss=1");
}

INSTANTIATE_TEST_SUITE_P(Kinds, YoloLossSlopes, testing::Values("mse", "iou", "giou", "diou"),
                         [](const auto& kind) { return kind.param; });
INSTANTIATE_TEST_SUITE_P(Kinds, YoloLoss, testing::Values("mse", "iou", "giou", "diou", "ciou"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace graft::models::test
