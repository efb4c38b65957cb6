#include "tests/unit/models/small_detectors.h"

#include <fmt/format.h>

#include <sstream>

#include "graft/base/files.h"
#include "tests/support/support.h"

namespace graft::models::test {
namespace {

/// Pictures of that size, prepared as transformers' `processor` does it.
Json pictures(const SmallSize& size, const char* processor) {
  return {{"image_processor_type", processor},
          {"size", {{"height", size.input.height}, {"width", size.input.width}}}};
}

Json yolos(const SmallSize& size) {
  return {{"model_type", "yolos"},
          {"hidden_size", 48 * size.times},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 4},
          {"intermediate_size", 96 * size.times},
          {"image_size", {size.input.height, size.input.width}},
          {"patch_size", 8},
          {"num_detection_tokens", size.objects},
          {"initializer_range", 0.1},
          {"preprocessor", pictures(size, "YolosImageProcessor")}};
}

Json detr(const SmallSize& size) {
  return {{"model_type", "detr"},
          {"d_model", 48 * size.times},
          {"num_queries", size.objects},
          {"encoder_layers", 1},
          {"decoder_layers", 2},
          {"encoder_attention_heads", 4},
          {"decoder_attention_heads", 4},
          {"encoder_ffn_dim", 96 * size.times},
          {"decoder_ffn_dim", 96 * size.times},
          {"dropout", 0},
          {"backbone_config",
           {{"model_type", "resnet"},
            {"embedding_size", 16 * size.times},
            {"hidden_sizes", {16 * size.times, 32 * size.times}},
            {"depths", {1, 1}},
            {"layer_type", "basic"}}},
          {"preprocessor", pictures(size, "DetrImageProcessor")}};
}

Json deformable_detr(const SmallSize& size) {
  Json config = detr(size);
  config.update({{"model_type", "deformable_detr"},
                 {"d_model", 64 * size.times},
                 {"num_feature_levels", 2},
                 {"with_box_refine", true},
                 {"auxiliary_loss", true}});
  return config;
}

/// What RT-DETR and D-FINE have in common, on a backbone that gives maps of two sizes.
Json rt_detr(const char* type, const SmallSize& size, const Json& backbone) {
  return {{"model_type", type},
          {"encoder_hidden_dim", 32 * size.times},
          {"encoder_ffn_dim", 64 * size.times},
          {"encoder_attention_heads", 4},
          {"d_model", 32 * size.times},
          {"num_queries", size.objects},
          {"decoder_in_channels", {32 * size.times, 32 * size.times}},
          {"num_feature_levels", 2},
          {"decoder_n_levels", 2},
          {"encode_proj_layers", {1}},
          {"decoder_layers", 2},
          {"decoder_ffn_dim", 64 * size.times},
          {"decoder_attention_heads", 4},
          {"num_denoising", 12},
          {"hidden_expansion", 0.5},
          {"depth_mult", 0.34},
          {"freeze_backbone_batch_norms", false},
          {"backbone_config", backbone},
          {"preprocessor", pictures(size, "RTDetrImageProcessor")}};
}

Json rt_detr_v2(const SmallSize& size) {
  return rt_detr("rt_detr_v2", size,
                 {{"model_type", "rt_detr_resnet"},
                  {"embedding_size", 16 * size.times},
                  {"hidden_sizes", {16 * size.times, 32 * size.times}},
                  {"depths", {1, 1}},
                  {"layer_type", "basic"},
                  {"out_features", {"stage1", "stage2"}}});
}

Json d_fine(const SmallSize& size) {
  const int64_t few = 16 * size.times, many = 32 * size.times;
  return rt_detr("d_fine", size,
                 {{"model_type", "hgnet_v2"},
                  {"stem_channels", {3, few, few}},
                  {"stage_in_channels", {few, many}},
                  {"stage_mid_channels", {few, few}},
                  {"stage_out_channels", {many, many}},
                  {"stage_num_blocks", {1, 1}},
                  {"stage_downsample", {false, true}},
                  {"stage_light_block", {false, true}},
                  {"stage_kernel_size", {3, 3}},
                  {"stage_numb_of_layers", {2, 2}},
                  {"use_learnable_affine_block", true},
                  {"out_features", {"stage1", "stage2"}}});
}

/// What Faster R-CNN and RetinaNet have in common.
Json rcnn(const char* type, const SmallSize& size) {
  const int64_t n = size.times;
  return {{"model_type", type},
          {"embedding_size", 16 * n},
          {"hidden_sizes", {16 * n, 24 * n, 32 * n, 32 * n}},
          {"depths", {1, 1, 1, 1}},
          {"layer_type", "basic"},
          {"frozen_batch_norm", false},
          {"fpn_channels", 24 * n},
          {"representation_size", 64 * n},
          {"anchor_sizes", {{8}, {16}, {24}, {32}, {48}}},
          {"rpn_pre_nms_top_n_train", 100},
          {"rpn_post_nms_top_n_train", 60},
          {"rpn_post_nms_top_n_test", 40},
          {"rpn_batch_size_per_image", 64},
          {"box_batch_size_per_image", 32},
          {"preprocessor", pictures(size, "RcnnImageProcessor")}};
}

Json faster_rcnn(const SmallSize& size) {
  return rcnn("faster_rcnn", size);
}

Json retinanet(const SmallSize& size) {
  return rcnn("retinanet", size);
}

Json darknet(const SmallSize& size) {
  return small_darknet(size, "ciou");
}

}  // namespace

Json small_darknet(const SmallSize& size, const std::string& loss) {
  const std::string tiny =
      read_file(graft::test::source_dir() / "tests" / "golden" / "darknet" / "tiny.cfg", 1 << 20);
  std::istringstream lines(tiny);
  std::string cfg;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("width=")) line = fmt::format("width={}", size.input.width);
    if (line.starts_with("height=")) line = fmt::format("height={}", size.input.height);
    // Not of the maps that say boxes: as many rows as these have.
    if (line.starts_with("filters=") && line != "filters=24")
      line = fmt::format("filters={}", size.times * std::stoi(line.substr(8)));
    if (line.starts_with("classes="))
      line += "\niou_thresh=0.3\niou_normalizer=0.07\niou_loss=" + loss;
    cfg += line + "\n";
  }
  return {{"model_type", "darknet"}, {"cfg", cfg}};
}

const std::vector<SmallDetector>& small_detectors() {
  static const std::vector<SmallDetector> all = {
      {"yolos", yolos, 2e-3, 250, 1500},
      {"detr", detr, 2e-3, 250, 1500},
      {"deformable_detr", deformable_detr, 2e-3, 250, 1000},
      {"rt_detr_v2", rt_detr_v2, 2e-3, 150, 600},
      {"d_fine", d_fine, 2e-3, 220, 600},
      {"faster_rcnn", faster_rcnn, 3e-3, 200, 500},
      {"retinanet", retinanet, 3e-3, 200, 500},
      {"darknet", darknet, 1e-2, 200, 800},
  };
  return all;
}

}  // namespace graft::models::test
