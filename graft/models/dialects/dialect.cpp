#include "graft/models/dialects/dialect.h"

#include <torch/types.h>

#include <algorithm>
#include <regex>

#include "graft/base/error.h"

namespace graft::models {
namespace {

constexpr size_t kLongestName = 1000;

const Json* object_in(const Json& foreign, const char* key) {
  if (!foreign.is_object() || !foreign.contains(key) || !foreign[key].is_object()) return nullptr;
  return &foreign[key];
}

Json label_names(const Json& foreign, int64_t classes) {
  Json names = Json::object();
  const bool given = foreign.is_object() && foreign.contains("label_names") &&
                     foreign["label_names"].is_array() &&
                     foreign["label_names"].size() == static_cast<size_t>(classes);
  for (int64_t i = 0; i < classes; ++i) {
    const Json* name = given ? &foreign["label_names"][static_cast<size_t>(i)] : nullptr;
    names[std::to_string(i)] =
        name && name->is_string() ? name->get<std::string>() : fmt::format("LABEL_{}", i);
  }
  return names;
}

}  // namespace

io::TensorMap unwrapped(const io::TensorMap& tensors) {
  // The regular expressions below recurse once a character.
  for (const auto& [name, tensor] : tensors) {
    if (name.size() > kLongestName) {
      fail_unreadable("a tensor's name is {} characters long: {}…; at most {} are read",
                      name.size(), name.substr(0, 60), kLongestName);
    }
  }
  io::TensorMap result = tensors;
  for (bool changed = true; changed && !result.empty();) {
    changed = false;
    for (const char* prefix : {"module.", "model.", "net.", "backbone.", "_orig_mod."}) {
      const auto has = [&](const auto& item) { return item.first.starts_with(prefix); };
      if (!std::all_of(result.begin(), result.end(), has)) continue;
      result = io::strip_prefix(result, prefix);
      changed = true;
    }
  }
  return result;
}

const at::Tensor& expect_tensor(const io::TensorMap& tensors, const std::string& name,
                                int64_t dimensions) {
  const at::Tensor& tensor = tensors.at(name);
  if (tensor.dim() != dimensions || tensor.numel() == 0) {
    fail_unreadable("the tensor {} of the weights must have {} dimensions, it has {}", name,
                    dimensions, tensor.numel() == 0 ? "no elements" : std::to_string(tensor.dim()));
  }
  return tensor;
}

int64_t count_numbered(const io::TensorMap& tensors, const std::string& before,
                       const std::string& after) {
  int64_t count = 0;
  while (tensors.contains(fmt::format("{}{}{}", before, count, after))) ++count;
  return count;
}

void refuse(const Json& foreign, const std::string& why) {
  std::string name;
  if (foreign.is_object() && foreign.contains("architecture")) {
    name = " " + config_text(foreign, "architecture", "");
  }
  fail_unreadable(
      "the weights{} have names that graft knows, but another network: {}; use a plain variant or "
      "a "
      "model in Hugging Face's layout",
      name, why);
}

void refuse_arguments(const Json& foreign, const std::vector<std::string>& arguments) {
  const Json* given = object_in(foreign, "model_args");
  for (const auto& name : arguments) {
    if (given && given->contains(name)) {
      refuse(foreign, fmt::format("it was built with {} = {}", name, (*given)[name].dump()));
    }
  }
}

std::string renamed(const std::string& name, const std::vector<Rename>& rules) {
  for (const Rename& rule : rules) {
    const std::regex pattern(rule.pattern);
    if (std::regex_match(name, pattern)) return std::regex_replace(name, pattern, rule.replacement);
  }
  return "";
}

Json adopted_config(const Json& foreign, const std::string& model_type,
                    const std::string& architecture, int64_t classes, int64_t image_size) {
  Json config{{"model_type", model_type}, {"architectures", Json::array({architecture})}};
  if (classes >= 0) config["id2label"] = label_names(foreign, classes);
  if (const Json* pretrained = object_in(foreign, "pretrained_cfg")) {
    config["preprocessor"] = {{"pretrained_cfg", *pretrained}};
    return config;
  }
  // torchvision's standard transform in timm's terms: 256 and the middle 224; larger ones as a
  // whole.
  const bool standard = image_size == 224;
  config["preprocessor"]["pretrained_cfg"] = {{"input_size", {3, image_size, image_size}},
                                              {"crop_pct", standard ? 0.875 : 1.0},
                                              {"interpolation", standard ? "bilinear" : "bicubic"},
                                              {"mean", {0.485, 0.456, 0.406}},
                                              {"std", {0.229, 0.224, 0.225}}};
  return config;
}

}  // namespace graft::models
