#include "graft/peft/hf_targets.h"

#include <algorithm>
#include <cctype>

#include "graft/base/error.h"
#include "graft/peft/modules.h"

namespace graft::peft {
namespace {

constexpr size_t kMaxPatterns = 20000;

bool is_set(const Json& config, const std::string& key) {
  return config.contains(key) && !config[key].is_null();
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(
             text.begin(), text.end(),
             [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::vector<std::string> read_names(const Json& value, const std::string& where,
                                    const std::string& key) {
  std::vector<std::string> names;
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& item : list) {
    if (!item.is_string() || item.get_ref<const std::string&>().empty()) {
      fail_unreadable("{}: {} must be a list of module names, got {}", where, key, item.dump());
    }
    names.push_back(item.get<std::string>());
  }
  return names;
}

bool saved_whole(const std::string& path, const std::vector<std::string>& entries) {
  return std::any_of(entries.begin(), entries.end(), [&path](const std::string& entry) {
    return (path + ".").find(entry + ".") != std::string::npos;
  });
}

bool Targets::Names::match(const std::string& path) const {
  if (!pattern.empty()) return pattern.front().matches(path);
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return ends_with_module(path, name); });
}

Targets::Names Targets::read(const Json& config, const std::string& key, const std::string& where) {
  Names result;
  if (!is_set(config, key)) return result;
  if (config[key].is_string()) {
    result.pattern.emplace_back(config[key].get<std::string>(), where + ", " + key);
  } else {
    result.names = read_names(config[key], where, key);
  }
  return result;
}

Targets::Targets(const Json& config, const std::string& where)
    : excluded_(read(config, "exclude_modules", where)) {
  any_ = !is_set(config, "target_modules");
  all_linear_ = !any_ && config["target_modules"].is_string() &&
                lower(config["target_modules"].get<std::string>()) == "all-linear";
  if (!any_ && !all_linear_) targets_ = read(config, "target_modules", where);
  if (is_set(config, "modules_to_save"))
    saved_ = read_names(config["modules_to_save"], where, "modules_to_save");
  if (is_set(config, "layers_to_transform")) {
    const Json& value = config["layers_to_transform"];
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& item : list) {
      if (!item.is_number_integer()) {
        fail_unreadable("{}: layers_to_transform must be whole numbers, got {}", where,
                        item.dump());
      }
      layers_.push_back(item.get<int64_t>());
    }
  }
  if (is_set(config, "layers_pattern")) {
    for (const auto& name : read_names(config["layers_pattern"], where, "layers_pattern")) {
      layers_patterns_.emplace_back(name, where + ", layers_pattern");
    }
  }
}

bool Targets::chosen_layer(const std::string& path) const {
  std::vector<std::pair<std::string, int64_t>>
      numbered;  // lists of layers in the path, and which of each
  size_t begin = 0;
  for (int part = 0;; ++part) {
    const size_t end = path.find('.', begin);
    if (end == std::string::npos) break;
    const std::string text = path.substr(begin, end - begin);
    // peft wants two names before the number where no pattern says more.
    if (part > 0 && is_number(text) && (part > 1 || !layers_patterns_.empty())) {
      numbered.emplace_back(path.substr(0, begin - 1), std::stoll(text));
    }
    begin = end + 1;
  }
  const auto wanted = [this](int64_t layer) {
    return std::find(layers_.begin(), layers_.end(), layer) != layers_.end();
  };
  if (layers_patterns_.empty()) return !numbered.empty() && wanted(numbered.front().second);
  for (const auto& pattern : layers_patterns_) {
    for (const auto& [list, layer] : numbered) {
      if (pattern.matches_end(list)) return wanted(layer);
    }
  }
  return false;
}

bool Targets::match(const std::string& path, const nn::Site& site) const {
  if (excluded_.match(path) || in_module(path, saved_)) return false;
  if (any_) return true;
  if (all_linear_) return site.kind == nn::SeamKind::linear;
  if (!targets_.match(path)) return false;
  const bool whole_name =
      std::find(targets_.names.begin(), targets_.names.end(), path) != targets_.names.end();
  return layers_.empty() || whole_name || !targets_.pattern.empty() || chosen_layer(path);
}

LayerSettings::Patterns LayerSettings::read(const Json& config, const std::string& key,
                                            const std::string& where) {
  Patterns patterns;
  if (!is_set(config, key)) return patterns;
  if (!config[key].is_object() || config[key].size() > kMaxPatterns) {
    fail_unreadable("{}: {} must be an object of at most {} module names and values", where, key,
                    kMaxPatterns);
  }
  for (const auto& [name, value] : config[key].items()) {
    patterns.emplace_back(PathPattern(name, fmt::format("{}, {}", where, key)), value);
  }
  return patterns;
}

LayerSettings::LayerSettings(const Json& config, const std::string& where)
    : common_(config),
      ranks_(read(config, "rank_pattern", where)),
      alphas_(read(config, "alpha_pattern", where)) {
  for (const char* key : {"rank_pattern", "alpha_pattern", "target_modules"}) common_.erase(key);
}

Json LayerSettings::of(const std::string& path) const {
  Json own = common_;
  const auto set = [&](const Patterns& patterns, const char* key) {
    for (const auto& [pattern, value] : patterns) {
      if (!pattern.matches_end(path)) continue;
      own[key] = value;
      return;
    }
  };
  set(ranks_, "r");
  set(alphas_, own.contains("alpha") ? "alpha" : "lora_alpha");
  return own;
}

}  // namespace graft::peft
