#include "plugins/arrow/features.h"

namespace graft::arrow_plugin {
namespace {

bool is_class_label(const Json& described) {
  const auto type = described.find("_type");
  return type != described.end() && *type == "ClassLabel" && described.contains("names") &&
         described["names"].is_array();
}

}  // namespace

Feature::Feature(const Json& described) {
  if (described.is_array() && described.size() == 1) {
    item_ = std::make_shared<Feature>(described[0]);
  } else if (!described.is_object()) {
    return;
  } else if (is_class_label(described)) {
    for (const Json& name : described["names"])
      names_.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  } else if (described.contains("_type") && described["_type"].is_string()) {
    // Sequence, List, LargeList; the others hold no features.
    if (described.contains("feature")) item_ = std::make_shared<Feature>(described["feature"]);
  } else {
    for (const auto& [name, value] : described.items()) fields_.emplace(name, Feature(value));
  }
}

const Feature& Feature::field(const std::string& name) const {
  static const Feature nothing;
  if (const auto found = fields_.find(name); found != fields_.end()) return found->second;
  return item_ ? item_->field(name) : nothing;
}

Feature read_features(const std::string& metadata) {
  const Json all = Json::parse(metadata, nullptr, false);
  if (!all.is_object() || !all.contains("info") || !all["info"].is_object()) return {};
  const Json& info = all["info"];
  return info.contains("features") ? Feature(info["features"]) : Feature();
}

}  // namespace graft::arrow_plugin
