#include "graft/io/darknet_net.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "graft/base/error.h"
#include "graft/io/darknet_cfg.h"

namespace graft::io {
namespace {

constexpr int64_t kMostSide = 16'384;               // of a map
constexpr int64_t kMostChannels = 65'536;           // of a map
constexpr int64_t kMostNumbers = int64_t{1} << 28;  // of a map
constexpr int64_t kMostWeights = int64_t{1} << 30;  // of a network
constexpr int64_t kMostLayers = 4000;
constexpr int64_t kMostClasses = 100'000;
constexpr int64_t kMostSize = 63;  // of a window

constexpr std::array<std::pair<const char*, DarknetActivation>, 7> kActivations{
    {{"linear", DarknetActivation::linear},
     {"leaky", DarknetActivation::leaky},
     {"relu", DarknetActivation::relu},
     {"relu6", DarknetActivation::relu6},
     {"mish", DarknetActivation::mish},
     {"swish", DarknetActivation::swish},
     {"logistic", DarknetActivation::logistic}}};

DarknetActivation activation_of(const CfgReader& section, const std::string& fallback) {
  std::vector<std::string> names;
  for (const auto& [name, activation] : kActivations) names.emplace_back(name);
  // Programs differ in what a convolution without one has.
  if (fallback.empty()) section.need("activation");
  const std::string word = section.word("activation", fallback, names);
  return std::ranges::find(kActivations, word, [](const auto& item) { return item.first; })->second;
}

/// Refuses settings that make another function of a layer than it would be without them.
void refuse_set(const CfgReader& section, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const CfgValue* value = section.find(key);
    if (value && value->text != "0")
      section.wrong(*value, "0 or absent: graft has no layer that does this");
  }
}

/// Reads layers one after the other; each sees the shapes of those before.
class NetReader {
 public:
  NetReader(std::string_view cfg, const std::string& where)
      : where_(where), sections_(parse_cfg(cfg, where)) {}

  DarknetNet read() {
    if (sections_.empty() || (sections_[0].name != "net" && sections_[0].name != "network"))
      fail_unreadable("{}: a cfg of Darknet begins with [net]; this is something else", where_);
    read_input(CfgReader(sections_[0], where_));
    if (static_cast<int64_t>(sections_.size()) > kMostLayers)
      fail_unreadable("{}: {} layers; at most {} are read", where_, sections_.size() - 1,
                      kMostLayers);
    for (size_t i = 1; i < sections_.size(); ++i) {
      DarknetLayer layer;
      layer.line = sections_[i].line;
      read_layer(sections_[i], layer);
      check_size(CfgReader(sections_[i], where_), layer.shape);
      net_.layers.push_back(std::move(layer));
    }
    check_heads();
    return std::move(net_);
  }

  const std::vector<CfgSection>& sections() const { return sections_; }

 private:
  int next() const { return static_cast<int>(net_.layers.size()); }

  void read_input(const CfgReader& section) {
    net_.input.width = section.integer("width", 416, 1, kMostSide);
    net_.input.height = section.integer("height", 416, 1, kMostSide);
    net_.input.channels = section.integer("channels", 3, 3, 3);
    net_.letter_box = section.integer("letter_box", 0, 0, 1) == 1;
    check_size(section, net_.input);
  }

  void check_size(const CfgReader& section, const MapShape& s) const {
    if (s.channels < 1 || s.height < 1 || s.width < 1)
      fail_unreadable("{} would have an output of {} x {} pixels and {} channels", section.place(),
                      s.height, s.width, s.channels);
    if (s.channels > kMostChannels || s.height > kMostSide || s.width > kMostSide ||
        s.channels * s.height * s.width > kMostNumbers)
      fail_unreadable("{} would have an output of {} x {} pixels and {} channels, which is absurd",
                      section.place(), s.height, s.width, s.channels);
  }

  void read_layer(const CfgSection& text, DarknetLayer& layer) {
    const CfgReader section(text, where_);
    const std::string& name = text.name;
    if (name == "convolutional" || name == "conv") {
      read_convolution(section, layer);
    } else if (name == "route") {
      read_route(section, layer);
    } else if (name == "shortcut") {
      read_shortcut(section, layer);
    } else if (name == "maxpool" || name == "max") {
      read_maxpool(section, layer);
    } else if (name == "upsample") {
      read_upsample(section, layer);
    } else if (name == "dropout") {
      refuse_set(section, {"dropblock"});
      layer.inputs = {before(section)};
      layer.shape = net_.shape(next() - 1);
      layer.what = DarknetDropout{section.number("probability", 0.2, 0, 0.999)};
    } else if (name == "yolo") {
      read_yolo(section, layer);
    } else if (name == "net" || name == "network") {
      fail_unreadable("{}: a second one; there is one, at the beginning", section.place());
    } else {
      fail_unreadable(
          "{}: layers of this kind are not read; graft reads detectors of convolutional, route, "
          "shortcut, maxpool, upsample, dropout and yolo (v3, v4, tiny, Fastest)",
          section.place());
    }
  }

  /// The layer before, which must have an output.
  int before(const CfgReader& section) const { return readable(section, next() - 1); }

  int readable(const CfgReader& section, int index) const {
    if (index >= 0 && net_.layer(index).as<DarknetYolo>())
      fail_unreadable(
          "{} reads layer {}, a yolo layer, which ends a branch; a route must stand "
          "between",
          section.place(), index);
    return index;
  }

  /// The layers that a list names: from the start (0 …) or back from here (-1 …).
  std::vector<int> named(const CfgReader& section, const char* key) const {
    std::vector<int> layers;
    for (const int64_t number : section.integers(key, 64)) {
      const int64_t index = number < 0 ? next() + number : number;
      if (index < 0)
        section.wrong(section.need(key), fmt::format("layers that are there; this is layer {}, and "
                                                     "{} before it there is none",
                                                     next(), -number));
      if (index >= next())
        section.wrong(section.need(key),
                      fmt::format("layers before this one, which is layer {}; layer {} would be "
                                  "read before it is computed, a loop",
                                  next(), index));
      layers.push_back(readable(section, static_cast<int>(index)));
    }
    return layers;
  }

  void read_convolution(const CfgReader& section, DarknetLayer& layer) {
    refuse_set(section, {"binary", "xnor", "bin_output", "flipped", "antialiasing", "cbn",
                         "assisted_excitation", "sway", "rotate", "stretch", "stretch_sway",
                         "coordconv", "share_index"});
    layer.inputs = {before(section)};
    const MapShape in = net_.shape(layer.inputs[0]);
    DarknetConvolution c;
    c.filters = section.integer("filters", 1, kMostChannels);
    c.size = section.integer("size", 1, 1, kMostSize);
    const int64_t stride = section.integer("stride", 1, 1, kMostSize);
    c.stride_x = section.integer("stride_x", stride, 1, kMostSize);
    c.stride_y = section.integer("stride_y", stride, 1, kMostSize);
    c.groups = section.integer("groups", 1, 1, kMostChannels);
    c.dilation = c.size == 1 ? 1 : section.integer("dilation", 1, 1, kMostSize);
    // pad says that there is one, padding how much.
    const bool same = section.integer("pad", 0, 0, kMostSize) != 0;
    c.padding = (same ? c.size / 2 : section.integer("padding", 0, 0, kMostSize)) * c.dilation;
    c.batch_normalize = section.integer("batch_normalize", 0, 0, 1) == 1;
    c.activation = activation_of(section, "");
    if (in.channels % c.groups != 0 || c.filters % c.groups != 0)
      section.wrong(
          section.need("groups"),
          fmt::format("a divisor of {} input channels and {} filters", in.channels, c.filters));
    const int64_t window = c.dilation * (c.size - 1) + 1;
    layer.shape = {c.filters, reach(in.height, 2 * c.padding, window, c.stride_y),
                   reach(in.width, 2 * c.padding, window, c.stride_x)};
    weights_ += c.filters * (in.channels / c.groups) * c.size * c.size + 4 * c.filters;
    if (weights_ > kMostWeights)
      fail_unreadable("{}: the network would have more than {} weights, which is absurd",
                      section.place(), kMostWeights);
    layer.what = c;
  }

  /// How many windows fit.
  static int64_t reach(int64_t side, int64_t padding, int64_t window, int64_t stride) {
    return side + padding < window ? 0 : (side + padding - window) / stride + 1;
  }

  void read_route(const CfgReader& section, DarknetLayer& layer) {
    layer.inputs = named(section, "layers");
    DarknetRoute route;
    route.groups = section.integer("groups", 1, 1, kMostChannels);
    route.group = section.integer("group_id", 0, 0, route.groups - 1);
    layer.shape = net_.shape(layer.inputs[0]);
    layer.shape.channels = 0;
    for (const int i : layer.inputs) {
      const MapShape& in = net_.shape(i);
      if (in.height != layer.shape.height || in.width != layer.shape.width)
        section.wrong(section.need("layers"),
                      fmt::format("layers of one size, which {} ({} x {}) and {} ({} x {}) are not",
                                  layer.inputs[0], layer.shape.height, layer.shape.width, i,
                                  in.height, in.width));
      if (in.channels % route.groups != 0)
        section.wrong(section.need("groups"), fmt::format("a divisor of {} channels", in.channels));
      layer.shape.channels += in.channels / route.groups;
    }
    layer.what = route;
  }

  void read_shortcut(const CfgReader& section, DarknetLayer& layer) {
    section.word("weights_type", "none", {"none"});
    for (const char* key : {"alpha", "beta"}) section.number(key, 1, 1, 1);
    layer.inputs = named(section, "from");
    layer.inputs.insert(layer.inputs.begin(), before(section));
    layer.shape = net_.shape(layer.inputs[0]);
    for (const int i : layer.inputs) {
      const MapShape& in = net_.shape(i);
      if (in != layer.shape)
        section.wrong(section.need("from"),
                      fmt::format("layers of the shape {} x {} x {}; that of layer {} is {} x {} x "
                                  "{}",
                                  layer.shape.channels, layer.shape.height, layer.shape.width, i,
                                  in.channels, in.height, in.width));
    }
    layer.what = DarknetShortcut{activation_of(section, "linear")};
  }

  void read_maxpool(const CfgReader& section, DarknetLayer& layer) {
    refuse_set(section, {"maxpool_depth", "antialiasing"});
    layer.inputs = {before(section)};
    const MapShape in = net_.shape(layer.inputs[0]);
    DarknetMaxPool pool;
    const int64_t stride = section.integer("stride", 1, 1, kMostSize);
    pool.stride_x = section.integer("stride_x", stride, 1, kMostSize);
    pool.stride_y = section.integer("stride_y", stride, 1, kMostSize);
    pool.size = section.integer("size", stride, 1, kMostSize);
    // More would be windows that hold nothing of the map.
    pool.padding = section.integer("padding", pool.size - 1, 0, pool.size - 1);
    layer.shape = {in.channels, reach(in.height, pool.padding, pool.size, pool.stride_y),
                   reach(in.width, pool.padding, pool.size, pool.stride_x)};
    layer.what = pool;
  }

  void read_upsample(const CfgReader& section, DarknetLayer& layer) {
    section.number("scale", 1, 1, 1);
    layer.inputs = {before(section)};
    const MapShape in = net_.shape(layer.inputs[0]);
    const int64_t stride = section.integer("stride", 2, 1, kMostSize);
    layer.shape = {in.channels, in.height * stride, in.width * stride};
    layer.what = DarknetUpsample{stride};
  }

  void read_yolo(const CfgReader& section, DarknetLayer& layer) {
    refuse_set(section, {"new_coords"});
    DarknetYolo yolo;
    yolo.classes = section.integer("classes", 1, kMostClasses);
    const auto sides = section.numbers("anchors", 256);
    if (sides.size() % 2 != 0 || std::ranges::any_of(sides, [](double v) { return !(v > 0); }))
      section.wrong(section.need("anchors"), "pairs of positive widths and heights");
    for (size_t i = 0; i < sides.size(); i += 2) yolo.anchors.push_back({sides[i], sides[i + 1]});
    const auto count = static_cast<int64_t>(yolo.anchors.size());
    section.integer("num", count, count, count);
    if (section.find("mask")) {
      for (const int64_t i : section.integers("mask", 128)) {
        if (i < 0 || i >= count ||
            std::ranges::find(yolo.mask, static_cast<int>(i)) != yolo.mask.end())
          section.wrong(section.need("mask"),
                        fmt::format("different numbers of the {} anchors, from 0", count));
        yolo.mask.push_back(static_cast<int>(i));
      }
    } else {
      for (int i = 0; i < count; ++i) yolo.mask.push_back(i);
    }
    yolo.scale_x_y = section.number("scale_x_y", 1, 1, 10);
    read_learning(section, yolo);
    layer.inputs = {next() - 1};
    layer.shape = net_.shape(layer.inputs[0]);
    layer.what = std::move(yolo);
  }

  static void read_learning(const CfgReader& section, DarknetYolo& yolo) {
    yolo.ignore_thresh = section.number("ignore_thresh", 0.5, 0, 1);
    yolo.iou_thresh = section.number("iou_thresh", 1, 0, 1);
    yolo.iou_loss = section.word("iou_loss", "mse", {"mse", "iou", "giou", "diou", "ciou"});
    yolo.iou_normalizer = section.number("iou_normalizer", 0.75, 0, 1e4);
    yolo.obj_normalizer = section.number("obj_normalizer", 1, 0, 1e4);
    yolo.cls_normalizer = section.number("cls_normalizer", 1, 0, 1e4);
    yolo.label_smooth_eps = section.number("label_smooth_eps", 0, 0, 1);
    for (const char* key : {"focal_loss", "objectness_smooth", "counters_per_class"}) {
      const CfgValue* value = section.find(key);
      if (value && value->text != "0") yolo.not_learned.push_back(value->key + "=" + value->text);
    }
    if (const CfgValue* kind = section.find("iou_thresh_kind"); kind && kind->text != "iou")
      yolo.not_learned.push_back("iou_thresh_kind=" + kind->text);
    if (section.number("truth_thresh", 1, 0, 1) < 1)
      yolo.not_learned.push_back("truth_thresh=" + section.need("truth_thresh").text);
  }

  /// Each yolo layer reads a convolution of its own with as many channels as its anchors ask for.
  void check_heads() const {
    const auto yolos = net_.yolos();
    if (yolos.empty())
      fail_unreadable("{}: the network has no [yolo] layer, so it finds no objects", where_);
    for (const int y : yolos) {
      const CfgReader section(sections_[static_cast<size_t>(y) + 1], where_);
      const DarknetYolo& yolo = *net_.layer(y).as<DarknetYolo>();
      const int from = net_.layer(y).inputs[0];
      if (from < 0 || !net_.layer(from).as<DarknetConvolution>())
        fail_unreadable("{} must follow a convolution", section.place());
      const int64_t asked = static_cast<int64_t>(yolo.mask.size()) * (5 + yolo.classes);
      const int64_t given = net_.layer(from).shape.channels;
      if (given != asked)
        fail_unreadable(
            "{}: {} anchors and {} classes ask for {} x (5 + {}) = {} filters of the convolution "
            "before, which has {}",
            section.place(), yolo.mask.size(), yolo.classes, yolo.mask.size(), yolo.classes, asked,
            given);
      if (yolo.classes != net_.classes())
        section.wrong(section.need("classes"),
                      fmt::format("{}, as in the first [yolo]", net_.classes()));
      for (int i = 0; i < next(); ++i) {
        if (i != y && std::ranges::find(net_.layer(i).inputs, from) != net_.layer(i).inputs.end())
          fail_unreadable(
              "{}: the convolution before it, layer {}, is read by layer {} as well; "
              "it must be the end of a branch",
              section.place(), from, i);
      }
    }
  }

  const std::string& where_;
  std::vector<CfgSection> sections_;
  DarknetNet net_;
  int64_t weights_ = 0;
};

/// Adds the new text of a number; where the section has none, a line with it.
void add_change(const CfgSection& section, const std::string& key, int64_t number,
                std::vector<CfgChange>& changes) {
  bool there = false;
  for (const CfgValue& value : section.values) {
    if (value.key != key) continue;
    changes.push_back({value.line, std::to_string(number)});
    there = true;
  }
  if (!there) changes.push_back({section.line, fmt::format("{}={}", key, number), true});
}

}  // namespace

std::vector<int> DarknetNet::yolos() const {
  std::vector<int> found;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].as<DarknetYolo>()) found.push_back(static_cast<int>(i));
  }
  return found;
}

int64_t DarknetNet::classes() const {
  return layer(yolos().front()).as<DarknetYolo>()->classes;
}

DarknetNet parse_darknet(std::string_view cfg, const std::string& where) {
  return NetReader(cfg, where).read();
}

std::string with_classes(std::string_view cfg, int64_t classes, const std::string& where) {
  NetReader reader(cfg, where);
  const DarknetNet net = reader.read();
  std::vector<CfgChange> changes;
  const auto change = [&](int layer, const char* key, int64_t number) {
    add_change(reader.sections()[static_cast<size_t>(layer) + 1], key, number, changes);
  };
  for (const int y : net.yolos()) {
    const auto anchors = static_cast<int64_t>(net.layer(y).as<DarknetYolo>()->mask.size());
    change(y, "classes", classes);
    change(net.layer(y).inputs[0], "filters", anchors * (5 + classes));
  }
  return change_cfg(cfg, changes);
}

std::string with_input(std::string_view cfg, int64_t width, int64_t height,
                       const std::string& where) {
  const auto sections = parse_cfg(cfg, where);
  const DarknetNet net = parse_darknet(cfg, where);
  std::vector<CfgChange> changes;
  if (net.input.width != width) add_change(sections[0], "width", width, changes);
  if (net.input.height != height) add_change(sections[0], "height", height, changes);
  return change_cfg(cfg, changes);
}

}  // namespace graft::io
