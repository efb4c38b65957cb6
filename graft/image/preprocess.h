#pragma once

#include <array>
#include <string>

#include "graft/base/json.h"
#include "graft/image/codec.h"
#include "graft/image/placement.h"
#include "graft/image/resize.h"

namespace graft::image {

/// How a checkpoint wants its pictures: resized, cut, scaled and normalised. The pixels equal those
/// of the numpy backend of transformers 5.23 and of timm 1.0 on Pillow 13.
///
///   const auto preprocess = Preprocess::from_config(read_json(folder /
///   "preprocessor_config.json"), where); const Image picture = preprocess.apply(load(file));
///   preprocess.to_floats(picture, tensor_memory);
struct Preprocess {
  enum class Resize {
    none,
    exact,          ///< to resize_width x resize_height, whatever the proportions
    shortest_edge,  ///< the shorter side to shortest_edge, proportions kept
    cover,          ///< the smallest picture of the same proportions that covers resize_width x
                    ///< resize_height
    letterbox       ///< the largest of the same proportions that fits into resize_width x
                    ///< resize_height, in the middle of grey, as Darknet does it
  };

  Resize resize = Resize::exact;
  int resize_width = 224;
  int resize_height = 224;
  int shortest_edge = 0;
  int longest_edge = 0;  ///< > 0: shrink further until the longer side fits (with shortest_edge)
  Filter filter = Filter::bilinear;
  /// false: between the four nearest pixels even where the picture shrinks, as OpenCV does it
  /// (resize_linear.h); bilinear only, and without a crop.
  bool antialias = true;

  bool crop = false;  ///< cut the middle out, padded with black where the picture is smaller
  int crop_width = 224;
  int crop_height = 224;
  Centre centre = Centre::transformers;

  bool rescale = true;
  double rescale_factor = 1.0 / 255;
  bool normalize = true;
  std::array<double, 3> mean{0.5, 0.5, 0.5};
  std::array<double, 3> std{0.5, 0.5, 0.5};

  std::string processor = "ViTImageProcessor";  ///< the class of transformers that this stands for
  double crop_pct = 0;                          ///< what ConvNeXt and timm derive their sizes from

  /// From a preprocessor_config.json, from the "image_processor" part of a processor_config.json,
  /// or from a timm config.json ("pretrained_cfg"). Keys that are absent or null take the defaults
  /// of the processor's class. `model_type` (config.json) chooses the class where the file names
  /// none. Errors (exit code 3) name `where` and the key: unknown classes, sizes that are not
  /// positive, ...
  static Preprocess from_config(const Json& config, const std::string& where,
                                const std::string& model_type = "");
  /// What from_config reads back as an equal value; transformers reads it too.
  Json to_config() const;

  /// The size of every result, or 0 x 0 when it depends on the picture (shortest_edge without
  /// crop).
  Dimensions output() const;
  /// The size that a picture gets before it is cut.
  Dimensions resized(Dimensions picture) const;
  /// Where `apply` puts the pixels of such a picture.
  Placement placement(Dimensions picture) const;

  /// Resizes and cuts. Only what the crop keeps is computed.
  Image apply(const Image& image) const;
  /// Writes (pixel x rescale_factor - mean) / std, height x width x 3.
  void to_floats(const Image& image, float* out) const;

  bool operator==(const Preprocess&) const = default;
};

}  // namespace graft::image
