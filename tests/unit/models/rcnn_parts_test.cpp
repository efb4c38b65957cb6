#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/io/safetensors.h"
#include "graft/models/rcnn/anchors.h"
#include "graft/models/rcnn/box_coder.h"
#include "graft/models/rcnn/box_matching.h"
#include "graft/models/rcnn/settings.h"
#include "graft/nn/roi_align.h"
#include "tests/support/support.h"
#include "tests/unit/models/detection_golden.h"
#include "tests/unit/models/golden.h"

/// What Faster R-CNN and RetinaNet are made of, against torchvision's parts
/// (tests/golden/detection_models/make_rcnn.py).
namespace graft::models::test {
namespace {

class RcnnParts : public testing::Test {
 protected:
  RcnnParts() : reader_(detection_golden() / "rcnn_parts.safetensors") {}
  at::Tensor golden(const std::string& name) const { return reader_.tensor(name); }
  Objects truth() const { return {golden("truth"), at::zeros({4}, at::kLong)}; }

  io::SafetensorsReader reader_;
};

TEST_F(RcnnParts, RegionsAreReadAsTorchvisionReadsThem) {
  const at::Tensor map = golden("roi.map").set_requires_grad(true);
  const nn::RoiAlignOptions options{.scale = 0.5, .size = 4};
  const at::Tensor read = nn::roi_align(map, golden("roi.regions"), options);
  EXPECT_LT(largest_difference(read, golden("roi.read")), 1e-5);
  (read * golden("roi.slope")).sum().backward();
  EXPECT_LT(largest_difference(map.grad(), golden("roi.grad")), 1e-5);
}

TEST_F(RcnnParts, Anchors) {
  constexpr image::Dimensions kInput{160, 64};
  const FasterRcnnSettings two_stages(Json::object());
  const RetinaNetSettings dense(Json::object());
  EXPECT_TRUE(at::cat(make_anchors(two_stages.anchors, kInput, pyramid_sizes(kInput, 4, 5)))
                  .equal(golden("anchors.faster_rcnn")));
  EXPECT_TRUE(at::cat(make_anchors(dense.anchors, kInput, pyramid_sizes(kInput, 8, 5)))
                  .equal(golden("anchors.retinanet")));
}

TEST_F(RcnnParts, PyramidSizes) {
  // 25 pixels become 13: sides are rounded up.
  const std::vector<MapSize> expected = {{200, 160}, {100, 80}, {50, 40}, {25, 20}, {13, 10}};
  EXPECT_EQ(pyramid_sizes({640, 800}, 4, 5), expected);
}

TEST_F(RcnnParts, Offsets) {
  const BoxCoder coder{{10, 10, 5, 5}};
  const at::Tensor boxes = golden("boxes");
  const at::Tensor to = golden("truth").index_select(0, at::arange(40) % 4);
  EXPECT_LT(relative_difference(coder.encode(to, boxes), golden("coder.encoded")), 1e-5);
  EXPECT_LT(
      relative_difference(coder.decode(golden("coder.offsets"), boxes), golden("coder.decoded")),
      1e-5);
  // There and back.
  EXPECT_LT(largest_difference(coder.decode(coder.encode(to, boxes), boxes), to), 1e-3);
}

TEST_F(RcnnParts, CutAtBorders) {
  const at::Tensor boxes = at::tensor({-3.F, 2.F, 50.F, 99.F, 5.F, -1.F, 6.F, 7.F}).view({2, 4});
  const at::Tensor expected = at::tensor({0.F, 2.F, 40.F, 30.F, 5.F, 0.F, 6.F, 7.F}).view({2, 4});
  EXPECT_TRUE(cut_at_borders(boxes, 30, 40).equal(expected));
}

TEST_F(RcnnParts, Matches) {
  EXPECT_TRUE(match_boxes(truth(), golden("boxes"), {0.3, 0.1, true}).equal(golden("match.each")));
  EXPECT_TRUE(match_boxes(truth(), golden("boxes"), {0.3, 0.3}).equal(golden("match.plain")));
  const Objects none{at::empty({0, 4}), at::empty({0}, at::kLong)};
  EXPECT_TRUE(
      (match_boxes(none, golden("boxes"), {0.3, 0.1, true}) == kNothing).all().item<bool>());
  EXPECT_EQ(match_boxes(truth(), at::empty({0, 4}), {}).size(0), 0);
}

TEST_F(RcnnParts, DrawsAreTorchvisions) {
  const Json info = Json::parse(reader_.metadata().at("info"));
  const auto seed = info["draw_seed"].get<uint64_t>();
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Tensor labels = golden("draw.labels");
  // There 0 is nothing, 1 an object and -1 neither.
  const at::Tensor matches =
      at::where(labels == 1, 5, at::where(labels == 0, kNothing, kUndecided)).to(at::kLong);
  const DrawSettings settings{24, 0.25};
  EXPECT_TRUE(draw_boxes(matches, settings, generator).equal(golden("draw.first").to(at::kBool)));
  EXPECT_TRUE(
      draw_boxes(matches.flip(0), settings, generator).equal(golden("draw.second").to(at::kBool)));
}

TEST_F(RcnnParts, DrawsKeepTheirShares) {
  const at::Tensor matches =
      at::cat({at::full({100}, 2), at::full({400}, kNothing), at::full({50}, kUndecided)});
  const at::Tensor drawn = draw_boxes(matches, {64, 0.25}, settled_generator());
  EXPECT_EQ(drawn.narrow(0, 0, 100).sum().item<int64_t>(), 16);
  EXPECT_EQ(drawn.narrow(0, 100, 400).sum().item<int64_t>(), 48);
  EXPECT_FALSE(drawn.narrow(0, 500, 50).any().item<bool>());
  // Those that were drawn are all drawn again.
  const at::Tensor again = matches.masked_select(drawn);
  EXPECT_TRUE(draw_boxes(again, {64, 0.25}, settled_generator()).all().item<bool>());
  // Where objects are few the rest is nothing, and where all is little, all is taken.
  EXPECT_EQ(draw_boxes(matches.slice(0, 97), {64, 0.25}, settled_generator()).sum().item<int64_t>(),
            64);
  EXPECT_EQ(
      draw_boxes(matches.slice(0, 495), {64, 0.25}, settled_generator()).sum().item<int64_t>(), 5);
}

TEST_F(RcnnParts, ObjectsOfABatch) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor batch = at::tensor({1.F, 2.F, 30.F, 40.F, 1.F,  -5.F, 0.F, 10.F, 10.F, 0.F,  //
                                       0.F, 0.F, 0.F,  0.F,  -1.F, nan,  0.F, 9.F,  9.F,  1.F})
                               .view({2, 2, 5});
  const auto objects = objects_of(batch, {64, 32}, 2);
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_TRUE(objects[0].boxes.equal(
      at::tensor({1.F, 2.F, 30.F, 32.F, 0.F, 0.F, 10.F, 10.F}).view({2, 4})));
  EXPECT_TRUE(objects[0].labels.equal(at::tensor({1, 0}, at::kLong)));
  EXPECT_EQ(objects[1].size(), 0) << "padding, and a box that is none";
}

struct Fault {
  const char* text;     // of the config
  const char* message;  // part of the error
};

class RcnnConfigs : public testing::TestWithParam<Fault> {};

TEST_P(RcnnConfigs, WhatMakesNoSense) {
  const Json config = Json::parse(GetParam().text);
  EXPECT_GRAFT_ERROR(FasterRcnnSettings{config}, ErrorCode::unreadable, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RcnnConfigs,
    testing::Values(Fault{R"({"anchor_sizes": [[32], [64]]})", "anchor_sizes"},
                    Fault{R"({"anchor_sizes": [[8], [8, 9], [8], [8], [8]]})", "anchor_sizes"},
                    Fault{R"({"anchor_sizes": [[8], [0], [8], [8], [8]]})", "anchor_sizes"},
                    Fault{R"({"anchor_sizes": [[8], ["a"], [8], [8], [8]]})", "anchor_sizes"},
                    Fault{R"({"aspect_ratios": [0.5, -1]})", "aspect_ratios"},
                    Fault{R"({"aspect_ratios": []})", "aspect_ratios"},
                    Fault{R"({"rpn_bg_iou_thresh": 0.8})", "rpn_bg_iou_thresh"},
                    Fault{R"({"box_positive_fraction": 2})", "box_positive_fraction"},
                    Fault{R"({"rpn_post_nms_top_n_test": 0})", "rpn_post_nms_top_n_test"},
                    Fault{R"({"bbox_reg_weights": [10, 10, 5]})", "bbox_reg_weights"},
                    Fault{R"({"batch_norm_eps": -1})", "batch_norm_eps"},
                    Fault{R"({"hidden_sizes": [8, 16], "depths": [1, 1]})", "4 stages"},
                    Fault{R"({"backbone": "resnet51"})", "resnet51"}));

}  // namespace
}  // namespace graft::models::test
