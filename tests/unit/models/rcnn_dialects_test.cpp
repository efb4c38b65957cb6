#include <gtest/gtest.h>
#include <torch/types.h>

#include <regex>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/models/dialects.h"
#include "graft/models/load.h"
#include "tests/support/support.h"
#include "tests/unit/models/detection_golden.h"

/// torchvision's weights of detectors: how they are recognised, and what is refused.
namespace graft::models::test {
namespace {

Checkpoint checkpoint_of(const std::string& name) {
  Checkpoint checkpoint;
  checkpoint.tensors = io::read_checkpoint(detection_golden() / (name + ".pth"));
  return checkpoint;
}

/// What torchvision called the same tensors before 0.13.
io::TensorMap with_old_names(const io::TensorMap& tensors) {
  static const std::regex pyramid(R"((backbone\.fpn\.\w+_blocks\.\d)\.0\.)");
  static const std::regex proposals(R"(rpn\.head\.conv\.0\.0\.)");
  static const std::regex stack(R"((head\.\w+_head\.conv)\.(\d)\.0\.)");
  io::TensorMap old;
  for (const auto& [name, tensor] : tensors) {
    std::string its = std::regex_replace(name, pyramid, "$1.");
    its = std::regex_replace(its, proposals, "rpn.head.conv.");
    std::smatch match;
    if (std::regex_search(its, match, stack))
      its = fmt::format("{}.{}.{}", match[1].str(), 2 * std::stoi(match[2].str()),
                        match.suffix().str());
    old.add(its, tensor);
  }
  return old;
}

TEST(RcnnDialects, PublishedShapes) {
  const Json published = read_json(detection_golden() / "rcnn_names.json");
  for (const std::string name : {"faster_rcnn", "retinanet"}) {
    Model model(name, {{"frozen_batch_norm", false}}, Task::boxes);
    find_family(name).build(model, name == "retinanet" ? 91 : 90);
    std::map<std::string, std::vector<int64_t>> ours;
    for (const auto& p : model.registry().parameters) ours[p.name] = p.value->sizes().vec();
    EXPECT_EQ(ours, (published[name].get<std::map<std::string, std::vector<int64_t>>>())) << name;
  }
}

TEST(RcnnDialects, ShapesTellTheConfig) {
  Checkpoint two_stages = checkpoint_of("faster_rcnn");
  ASSERT_TRUE(adopt_faster_rcnn(two_stages));
  const Json& c = two_stages.config;
  EXPECT_EQ(c["model_type"], "faster_rcnn");
  EXPECT_EQ(c["layer_type"], "bottleneck");
  EXPECT_EQ(c["hidden_sizes"], Json({8, 16, 16, 24}));
  EXPECT_EQ(c["fpn_channels"], 8);
  EXPECT_EQ(c["representation_size"], 16);
  EXPECT_EQ(c["id2label"].size(), 3U);
  EXPECT_EQ(c["frozen_batch_norm"], true);
  EXPECT_EQ(c["batch_norm_eps"], 1e-5);
  Checkpoint dense = checkpoint_of("retinanet");
  EXPECT_FALSE(adopt_faster_rcnn(dense));
  ASSERT_TRUE(adopt_retinanet(dense));
  EXPECT_EQ(dense.config["layer_type"], "basic");
  EXPECT_EQ(dense.config["id2label"].size(), 3U);
}

TEST(RcnnDialects, OldNames) {
  for (const std::string name : {"faster_rcnn", "retinanet"}) {
    Checkpoint old = checkpoint_of(name);
    old.tensors = with_old_names(old.tensors);
    ASSERT_TRUE(name == "retinanet" ? adopt_retinanet(old) : adopt_faster_rcnn(old));
    EXPECT_EQ(old.config["batch_norm_eps"], 0.0) << "as those weights were trained";
    // Names become today's.
    const Family& family = find_family(name);
    std::vector<std::string> now;
    for (const auto& one : old.tensors.names()) now.push_back(module_name(family, one));
    EXPECT_EQ(now, checkpoint_of(name).tensors.names());
  }
}

TEST(RcnnDialects, ClassesOfCoco) {
  Checkpoint two_stages = checkpoint_of("faster_rcnn");
  two_stages.tensors.set("roi_heads.box_predictor.cls_score.weight", at::zeros({91, 16}));
  ASSERT_TRUE(adopt_faster_rcnn(two_stages));
  const Json& names = two_stages.config["id2label"];
  EXPECT_EQ(names.size(), 90U);
  EXPECT_EQ(names["0"], "person");
  EXPECT_EQ(names["11"], "N/A 12");
  EXPECT_EQ(names["89"], "toothbrush");
  Checkpoint dense = checkpoint_of("retinanet");
  dense.tensors.set("head.classification_head.cls_logits.weight", at::zeros({9 * 91, 8, 3, 3}));
  ASSERT_TRUE(adopt_retinanet(dense));
  EXPECT_EQ(dense.config["id2label"]["1"], "person");
  EXPECT_EQ(dense.config["id2label"].size(), 91U);
}

TEST(RcnnDialects, NormsThatLearn) {
  Checkpoint checkpoint = checkpoint_of("faster_rcnn");
  checkpoint.tensors.add("backbone.body.bn1.num_batches_tracked", at::zeros({}, at::kLong));
  ASSERT_TRUE(adopt_faster_rcnn(checkpoint));
  EXPECT_EQ(checkpoint.config["frozen_batch_norm"], false);
}

TEST(RcnnDialects, VariantsAreRefused) {
  const auto with = [](const std::function<void(io::TensorMap&)>& change) {
    Checkpoint checkpoint = checkpoint_of("faster_rcnn");
    change(checkpoint.tensors);
    adopt_faster_rcnn(checkpoint);
  };
  const auto add = [](const std::string& name, at::IntArrayRef shape) {
    return [name, shape = shape.vec()](io::TensorMap& t) { t.set(name, at::zeros(shape)); };
  };
  EXPECT_GRAFT_ERROR(with(add("backbone.fpn.inner_blocks.0.1.weight", {8})), ErrorCode::unreadable,
                     "v2");
  EXPECT_GRAFT_ERROR(with(add("roi_heads.mask_predictor.conv5_mask.weight", {8})),
                     ErrorCode::unreadable, "masks");
  EXPECT_GRAFT_ERROR(with(add("rpn.head.bbox_pred.weight", {60, 8, 1, 1})), ErrorCode::unreadable,
                     "15 anchors");
  EXPECT_GRAFT_ERROR(with(add("backbone.fpn.inner_blocks.4.0.weight", {8, 8, 1, 1})),
                     ErrorCode::unreadable, "5 maps");
  const auto mobile = [](io::TensorMap& tensors) {
    io::TensorMap other;
    for (const auto& [name, tensor] : tensors) {
      if (name != "backbone.body.conv1.weight") other.add(name, tensor);
    }
    tensors = other;
  };
  EXPECT_GRAFT_ERROR(with(mobile), ErrorCode::unreadable, "not a ResNet");
}

}  // namespace
}  // namespace graft::models::test
