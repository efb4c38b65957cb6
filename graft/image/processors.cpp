#include "graft/image/processors.h"

#include <string_view>
#include <utility>

namespace graft::image::detail {
namespace {

constexpr std::array<double, 3> kZero{0, 0, 0};
constexpr std::array<double, 3> kOne{1, 1, 1};
constexpr std::array<double, 3> kHalf{0.5, 0.5, 0.5};
constexpr std::array<double, 3> kImagenetMean{0.485, 0.456, 0.406};
constexpr std::array<double, 3> kImagenetStd{0.229, 0.224, 0.225};
constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipStd{0.26862954, 0.26130258, 0.27577711};

constexpr std::pair<std::string_view, std::string_view> kModels[] = {
    {"vit", "ViT"},
    {"vit_mae", "ViT"},
    {"vit_msn", "ViT"},
    {"swin", "ViT"},
    {"swinv2", "ViT"},
    {"swiftformer", "ViT"},
    {"dinat", "ViT"},
    {"ijepa", "ViT"},
    {"deit", "DeiT"},
    {"beit", "Beit"},
    {"data2vec-vision", "Beit"},
    {"bit", "Bit"},
    {"dinov2", "Bit"},
    {"dinov2_with_registers", "Bit"},
    {"hiera", "Bit"},
    {"focalnet", "Bit"},
    {"clip", "CLIP"},
    {"siglip", "Siglip"},
    {"convnext", "ConvNext"},
    {"convnextv2", "ConvNext"},
    {"resnet", "ConvNext"},
    {"regnet", "ConvNext"},
    {"cvt", "ConvNext"},
    {"mobilenet_v1", "MobileNetV1"},
    {"mobilenet_v2", "MobileNetV2"},
    {"pvt", "Pvt"},
    {"detr", "Detr"},
    {"yolos", "Yolos"},
    {"deformable_detr", "DeformableDetr"},
    {"rt_detr", "RTDetr"},
    {"rt_detr_v2", "RTDetr"},
    {"d_fine", "RTDetr"},
    {"faster_rcnn", "Rcnn"},
    {"retinanet", "Rcnn"},
    {"darknet", "Darknet"}};

constexpr std::string_view kSuffix = "ImageProcessor";

bool strip(std::string& text, std::string_view ending) {
  if (!text.ends_with(ending)) return false;
  text.resize(text.size() - ending.size());
  return true;
}

}  // namespace

const std::vector<Processor>& processors() {
  using enum Filter;
  static const std::vector<Processor> all{
      {"ViTImageProcessor", 224, false, 0, false, bilinear, kHalf, kHalf},
      {"DeiTImageProcessor", 256, false, 224, true, bicubic, kHalf, kHalf},
      {"BeitImageProcessor", 224, false, 224, false, bicubic, kHalf, kHalf},
      {"BitImageProcessor", 224, true, 224, true, bicubic, kClipMean, kClipStd},
      {"CLIPImageProcessor", 224, true, 224, true, bicubic, kClipMean, kClipStd},
      {"SiglipImageProcessor", 224, false, 0, false, bicubic, kHalf, kHalf},
      {"ConvNextImageProcessor", 384, true, 0, false, bicubic, kHalf, kHalf},
      {"MobileNetV1ImageProcessor", 256, true, 224, true, bilinear, kHalf, kHalf},
      {"MobileNetV2ImageProcessor", 256, true, 224, true, bilinear, kHalf, kHalf},
      {"PvtImageProcessor", 224, false, 0, false, bicubic, kImagenetMean, kImagenetStd},
      {"DetrImageProcessor", 800, true, 0, false, bilinear, kImagenetMean, kImagenetStd},
      {"YolosImageProcessor", 800, true, 0, false, bilinear, kImagenetMean, kImagenetStd},
      {"DeformableDetrImageProcessor", 800, true, 0, false, bilinear, kImagenetMean, kImagenetStd},
      {"RTDetrImageProcessor", 640, false, 0, false, bilinear, kImagenetMean, kImagenetStd, false},
      // graft's own:
      {"RcnnImageProcessor", 800, false, 0, false, bilinear, kImagenetMean, kImagenetStd},
      {"DarknetImageProcessor", 416, false, 0, false, bilinear, kZero, kOne}};
  return all;
}

const Processor* find_processor(const std::string& class_name) {
  std::string name = class_name;
  strip(name, "Fast") || strip(name, "Pil");
  if (strip(name, "FeatureExtractor")) name += kSuffix;
  for (const auto& processor : processors()) {
    if (name == processor.name) return &processor;
  }
  return nullptr;
}

const Processor* processor_of_model(const std::string& model_type) {
  for (const auto& [model, family] : kModels) {
    if (model == model_type) return find_processor(std::string(family).append(kSuffix));
  }
  return nullptr;
}

}  // namespace graft::image::detail
