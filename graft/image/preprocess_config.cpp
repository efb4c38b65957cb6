#include <cmath>

#include "graft/base/error.h"
#include "graft/image/preprocess.h"
#include "graft/image/processors.h"

namespace graft::image {
namespace {

using detail::Processor;

constexpr int kMostSide = 16'384;
constexpr const char* kConvNext = "ConvNextImageProcessor";
constexpr const char* kTimm = "TimmWrapperImageProcessor";
/// From this side on, ConvNeXt resizes to the square instead of cutting it out.
constexpr int kConvNextWarps = 384;
constexpr double kDefaultCropPct = 0.875;

/// Keys of a configuration; absent and null mean the default.
class Reader {
 public:
  Reader(const Json& config, const std::string& where) : config_(config), where_(where) {
    if (!config.is_object()) fail_unreadable("{}: expected a mapping, got {}", where, show(config));
  }

  const Json* find(const char* key) const {
    const auto found = config_.find(key);
    return found == config_.end() || found->is_null() ? nullptr : &*found;
  }
  bool flag(const char* key, bool fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) wrong(key, *value, "true or false");
    return value->get<bool>();
  }
  double number(const char* key, double fallback, double low, double high) const {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
      wrong(key, *value, fmt::format("a number from {} to {}", low, high));
    }
    return value->get<double>();
  }
  std::string text(const char* key, const std::string& fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    if (!value->is_string()) wrong(key, *value, "a text");
    return value->get<std::string>();
  }
  /// One number a channel; a single number counts for all three.
  std::array<double, 3> channels(const char* key, const std::array<double, 3>& fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    if (value->is_number()) {
      const double same = value->get<double>();
      return {same, same, same};
    }
    if (!value->is_array() || value->size() != 3) wrong(key, *value, "three numbers");
    std::array<double, 3> result{};
    for (size_t c = 0; c < 3; ++c) {
      if (!(*value)[c].is_number()) wrong(key, *value, "three numbers");
      result[c] = (*value)[c].get<double>();
    }
    return result;
  }
  int side(const char* key, const Json& value) const {
    if (!value.is_number_integer() || value.get<int64_t>() < 1 ||
        value.get<int64_t>() > kMostSide) {
      wrong(key, value, fmt::format("a whole number of pixels from 1 to {}", kMostSide));
    }
    return value.get<int>();
  }
  [[noreturn]] void wrong(const std::string& key, const Json& value,
                          const std::string& expected) const {
    fail_unreadable("{}: {} must be {}, got {}", where_, key, expected, show(value));
  }
  const std::string& where() const { return where_; }

 private:
  static std::string show(const Json& value) {
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() > 80 ? text.substr(0, 77) + "..." : text;
  }

  const Json& config_;
  const std::string& where_;
};

/// What a "size" may say.
struct Size {
  int width = 0, height = 0, shortest = 0, longest = 0;
};

Size read_size(const Reader& reader, const char* key, const Json& value, bool number_is_shortest) {
  Size size;
  if (value.is_number()) {
    const int side = reader.side(key, value);
    if (number_is_shortest) {
      size.shortest = side;
    } else {
      size.width = size.height = side;
    }
    return size;
  }
  if (value.is_array() && value.size() == 2) {
    size.height = reader.side(key, value[0]);
    size.width = reader.side(key, value[1]);
    return size;
  }
  if (value.is_object()) {
    for (const auto& [name, one] : value.items()) {
      int* target = name == "width"           ? &size.width
                    : name == "height"        ? &size.height
                    : name == "shortest_edge" ? &size.shortest
                    : name == "longest_edge"  ? &size.longest
                                              : nullptr;
      if (!target)
        reader.wrong(key, value, "height and width, or shortest_edge with or without longest_edge");
      if (!one.is_null()) *target = reader.side(key, one);
    }
  }
  const bool both = size.width > 0 && size.height > 0;
  if (size.shortest > 0 ? size.width > 0 || size.height > 0 : !both || size.longest > 0) {
    reader.wrong(key, value, "height and width, or shortest_edge with or without longest_edge");
  }
  return size;
}

void read_scaling(const Reader& reader, Preprocess& result) {
  result.rescale = reader.flag("do_rescale", true);
  result.rescale_factor = reader.number("rescale_factor", 1.0 / 255, -1e6, 1e6);
  result.normalize = reader.flag("do_normalize", result.normalize);
  result.mean = reader.channels("image_mean", result.mean);
  result.std = reader.channels("image_std", result.std);
}

void check_std(const Reader& reader, const char* key, const Preprocess& result) {
  for (const double one : result.std) {
    if (result.normalize && !(std::isfinite(one) && one != 0)) {
      fail_unreadable("{}: {} must be finite and not 0, got {}", reader.where(), key, one);
    }
  }
}

/// ConvNeXt: below 384 enlarge by 1 / crop_pct and cut the middle out, else squeeze to the square.
void read_convnext(const Reader& reader, Preprocess& result) {
  const Json* given = reader.find("size");
  const int side = given ? read_size(reader, "size", *given, true).shortest : kConvNextWarps;
  if (side == 0) reader.wrong("size", *given, "shortest_edge");
  if (reader.flag("do_center_crop", false)) {
    fail_unreadable(
        "{}: do_center_crop beside ConvNeXt's own crop is not supported; set it to false",
        reader.where());
  }
  result.crop_pct = reader.number("crop_pct", 224.0 / 256, 0.01, 1.0);
  if (!reader.flag("do_resize", true)) return;
  if (side >= kConvNextWarps) {
    result.resize = Preprocess::Resize::exact;
    result.resize_width = result.resize_height = side;
    return;
  }
  result.resize = Preprocess::Resize::shortest_edge;
  result.shortest_edge = static_cast<int>(side / result.crop_pct);
  result.crop = true;
  result.crop_width = result.crop_height = side;
}

void read_plain(const Reader& reader, const Processor& defaults, Preprocess& result) {
  Size size;
  if (const Json* given = reader.find("size")) {
    const bool to_square = reader.flag("default_to_square", !defaults.shortest_edge);
    size = read_size(reader, "size", *given, !to_square);
  } else if (defaults.shortest_edge) {
    size.shortest = defaults.side;
  } else {
    size.width = size.height = defaults.side;
  }
  if (reader.flag("do_resize", true)) {
    result.resize =
        size.shortest > 0 ? Preprocess::Resize::shortest_edge : Preprocess::Resize::exact;
    result.resize_width = size.width;
    result.resize_height = size.height;
    result.shortest_edge = size.shortest;
    result.longest_edge = size.longest;
  }
  result.antialias = reader.flag("antialias", true);
  result.crop = reader.flag("do_center_crop", defaults.center_crop);
  if (!result.antialias && (result.crop || result.filter != Filter::bilinear))
    reader.wrong("antialias", false, "true with a crop, and where resample is not 2 (bilinear)");
  if (reader.flag("letterbox", false)) {
    if (result.crop || result.resize != Preprocess::Resize::exact)
      reader.wrong("letterbox", true, "false with a crop, and without height and width");
    result.resize = Preprocess::Resize::letterbox;
  }
  if (!result.crop) return;
  if (const Json* given = reader.find("crop_size")) {
    const Size crop = read_size(reader, "crop_size", *given, false);
    if (crop.shortest > 0) reader.wrong("crop_size", *given, "height and width");
    result.crop_width = crop.width;
    result.crop_height = crop.height;
  } else if (defaults.crop > 0) {
    result.crop_width = result.crop_height = defaults.crop;
  } else {
    fail_unreadable("{}: do_center_crop needs crop_size", reader.where());
  }
}

const Processor& processor_for(const Reader& reader, const std::string& model_type) {
  std::string name = reader.text("image_processor_type", "");
  if (name.empty()) name = reader.text("feature_extractor_type", "");
  const Processor* found =
      name.empty() ? detail::processor_of_model(model_type) : detail::find_processor(name);
  if (found) return *found;
  std::string known;
  for (const auto& one : detail::processors())
    known += std::string(known.empty() ? "" : ", ") + one.name;
  if (name.empty()) {
    fail_unreadable(
        "{}: it does not say which image processor it is for, and the model type '{}' implies "
        "none; "
        "add image_processor_type, one of: {}",
        reader.where(), model_type, known);
  }
  fail_unreadable("{}: the image processor '{}' is not supported; known: {}", reader.where(), name,
                  known);
}

/// timm's eval transform (timm.data.resolve_data_config and create_transform).
Preprocess read_timm(const Json& config, const std::string& where) {
  const Reader reader(config, where);
  Preprocess result;
  result.processor = kTimm;
  result.centre = Centre::torchvision;
  result.crop = true;
  if (const Json* size = reader.find("input_size")) {
    if (!size->is_array() || size->size() != 3 || (*size)[0] != 3) {
      reader.wrong("input_size", *size, "[3, height, width]");
    }
    result.crop_height = reader.side("input_size", (*size)[1]);
    result.crop_width = reader.side("input_size", (*size)[2]);
  }
  // timm takes 0 for "not given".
  const double given = reader.number("crop_pct", 0, 0, 4);
  result.crop_pct = given > 0 ? given : kDefaultCropPct;
  result.resize_width = static_cast<int>(std::floor(result.crop_width / result.crop_pct));
  result.resize_height = static_cast<int>(std::floor(result.crop_height / result.crop_pct));
  const std::string mode = reader.text("crop_mode", "center");
  if (mode == "squash") {
    result.resize = Preprocess::Resize::exact;
  } else if (mode != "center") {
    fail_unreadable("{}: crop_mode '{}' is not supported; it must be center or squash", where,
                    mode);
  } else if (result.resize_width == result.resize_height) {
    result.resize = Preprocess::Resize::shortest_edge;
    result.shortest_edge = result.resize_width;
  } else {
    result.resize = Preprocess::Resize::cover;
  }
  const std::string interpolation = reader.text("interpolation", "bicubic");
  const auto filter = filter_from_name(interpolation);
  if (!filter)
    reader.wrong("interpolation", interpolation, "the name of a Pillow filter, such as bicubic");
  result.filter = *filter;
  result.mean = reader.channels("mean", {0.485, 0.456, 0.406});
  result.std = reader.channels("std", {0.229, 0.224, 0.225});
  check_std(reader, "std", result);
  return result;
}

Json size_of(int width, int height) {
  return {{"height", height}, {"width", width}};
}

Json timm_config(const Preprocess& p) {
  const bool squash = p.resize == Preprocess::Resize::exact;
  return {{"image_processor_type", kTimm},
          {"pretrained_cfg",
           {{"input_size", {3, p.crop_height, p.crop_width}},
            {"interpolation", filter_name(p.filter)},
            {"mean", p.mean},
            {"std", p.std},
            {"crop_pct", p.crop_pct},
            {"crop_mode", squash ? "squash" : "center"}}}};
}

}  // namespace

Preprocess Preprocess::from_config(const Json& config, const std::string& where,
                                   const std::string& model_type) {
  const Reader outer(config, where);
  const Json* inner = outer.find("image_processor");
  const Reader reader(inner ? *inner : config, where);
  if (const Json* timm = reader.find("pretrained_cfg")) return read_timm(*timm, where);
  if (reader.find("architecture") && reader.find("input_size")) return read_timm(config, where);

  const Processor& defaults = processor_for(reader, model_type);
  Preprocess result;
  result.processor = defaults.name;
  result.resize = Resize::none;
  result.mean = defaults.mean;
  result.normalize = defaults.normalize;
  result.std = defaults.std;
  result.filter = defaults.filter;
  if (const Json* resample = reader.find("resample")) {
    const auto filter =
        resample->is_number_integer() ? filter_from_number(resample->get<int64_t>()) : std::nullopt;
    if (!filter) reader.wrong("resample", *resample, "a filter of Pillow, 0 to 5");
    result.filter = *filter;
  }
  if (reader.flag("do_pad", false) && reader.find("pad_size")) {
    fail_unreadable("{}: pad_size is not supported; remove it or set do_pad to false", where);
  }
  if (result.processor == kConvNext) {
    read_convnext(reader, result);
  } else {
    read_plain(reader, defaults, result);
  }
  read_scaling(reader, result);
  check_std(reader, "image_std", result);
  return result;
}

Json Preprocess::to_config() const {
  if (processor == kTimm) return timm_config(*this);
  Json config{{"image_processor_type", processor}, {"do_resize", resize != Resize::none}};
  if (processor == kConvNext) {
    config["size"] = {{"shortest_edge", crop ? crop_width : resize_width}};
    config["crop_pct"] = crop_pct;
  } else {
    if (resize == Resize::exact || resize == Resize::letterbox)
      config["size"] = size_of(resize_width, resize_height);
    if (resize == Resize::letterbox) config["letterbox"] = true;
    if (!antialias) config["antialias"] = false;
    if (resize == Resize::shortest_edge) {
      config["size"] = {{"shortest_edge", shortest_edge}};
      if (longest_edge > 0) config["size"]["longest_edge"] = longest_edge;
    }
    config["do_center_crop"] = crop;
    if (crop) config["crop_size"] = size_of(crop_width, crop_height);
  }
  config["resample"] = filter_number(filter);
  config["do_rescale"] = rescale;
  config["rescale_factor"] = rescale_factor;
  config["do_normalize"] = normalize;
  config["image_mean"] = mean;
  config["image_std"] = std;
  return config;
}

}  // namespace graft::image
