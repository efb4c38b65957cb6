#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The network of a Darknet .cfg: detectors of the kinds v3, v4, tiny and Fastest (Redmon and
/// Farhadi 2018, arXiv:1804.02767; Bochkovskiy et al. 2020, arXiv:2004.10934).
namespace graft::io {

/// What flows between layers.
struct MapShape {
  int64_t channels = 0, height = 0, width = 0;
  bool operator==(const MapShape&) const = default;
};

enum class DarknetActivation : uint8_t { linear, leaky, relu, relu6, mish, swish, logistic };

struct DarknetConvolution {
  int64_t filters = 0, size = 1;
  int64_t stride_y = 1, stride_x = 1, padding = 0, dilation = 1, groups = 1;
  bool batch_normalize = false;  ///< with it there is no other bias
  DarknetActivation activation = DarknetActivation::linear;
};

/// Joins the channels of its inputs; of each only part `group` of `groups`.
struct DarknetRoute {
  int64_t groups = 1, group = 0;
};

/// activation(sum of its inputs).
struct DarknetShortcut {
  DarknetActivation activation = DarknetActivation::linear;
};

/// The first window begins padding / 2 before the map, the last ends padding - padding / 2 behind
/// it.
struct DarknetMaxPool {
  int64_t size = 1, stride_y = 1, stride_x = 1, padding = 0;
};

/// Every number becomes stride x stride equal ones.
struct DarknetUpsample {
  int64_t stride = 2;
};

struct DarknetDropout {
  double probability = 0.5;
};

/// A size that boxes start from, in pixels of the network's input.
struct Anchor {
  double width = 0, height = 0;
};

/// How a map [anchors x (4 + 1 + classes), height, width] says where objects are: for each anchor
/// of `mask` x, y, width, height, objectness and classes; and how it is learned.
struct DarknetYolo {
  std::vector<Anchor> anchors;  ///< of all maps
  std::vector<int> mask;        ///< those of this map
  int64_t classes = 0;
  double scale_x_y = 1;

  double ignore_thresh = 0.5;  ///< a box that overlaps an object so far need not be empty
  double iou_thresh = 1;  ///< anchors that fit an object better than this learn it beside the best
  std::string iou_loss = "mse";  ///< mse, iou, giou, diou or ciou
  double iou_normalizer = 0.75, obj_normalizer = 1, cls_normalizer = 1;  ///< weights of the terms
  double label_smooth_eps = 0;
  /// What the section asks of training beyond this ("focal_loss=1"): it can be used, not trained.
  std::vector<std::string> not_learned;
};

struct DarknetLayer {
  std::variant<DarknetConvolution, DarknetRoute, DarknetShortcut, DarknetMaxPool, DarknetUpsample,
               DarknetDropout, DarknetYolo>
      what;
  std::vector<int> inputs;  ///< the layers that it reads, -1 for the picture
  MapShape shape;           ///< of its output; of a yolo layer of the map that it reads
  int line = 0;             ///< of the cfg

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&what);
  }
};

struct DarknetNet {
  MapShape input;           ///< of the picture
  bool letter_box = false;  ///< the picture keeps its proportions, with grey borders
  std::vector<DarknetLayer> layers;

  const DarknetLayer& layer(int i) const { return layers[static_cast<size_t>(i)]; }
  /// The shape that layer i reads, -1 being the picture.
  const MapShape& shape(int i) const { return i < 0 ? input : layer(i).shape; }
  /// Indices of the yolo layers, ascending; at least one.
  std::vector<int> yolos() const;
  int64_t classes() const;
};

/// Errors (exit code 3) name the line: kinds of layers and settings that are not those of the
/// detectors above, layers that read later ones or none, sizes that do not fit each other or are
/// absurd. Each yolo layer must read a convolution of its own, and all have the same classes.
DarknetNet parse_darknet(std::string_view cfg, const std::string& where);

/// The same cfg for another number of classes: `classes` of the yolo layers and `filters` of the
/// convolutions that they read change, nothing else.
std::string with_classes(std::string_view cfg, int64_t classes, const std::string& where);

/// The same cfg for pictures of another size: `width` and `height` of [net] change, nothing else.
std::string with_input(std::string_view cfg, int64_t width, int64_t height,
                       const std::string& where);

}  // namespace graft::io
