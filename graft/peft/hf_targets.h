#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graft/base/json.h"
#include "graft/nn/adapter.h"
#include "graft/peft/path_pattern.h"

/// How an adapter_config.json speaks of layers, by the rules of peft 0.21 (tuners/tuners_utils.py).
namespace graft::peft {

/// A list of names, or a single one; else an error (exit code 3) that names `key`.
std::vector<std::string> read_names(const Json& value, const std::string& where,
                                    const std::string& key);

/// Whether `path` is, or lies inside, a module whose path ends with an entry of modules_to_save;
/// the ending need not begin at a dot ("classifier" saves "cls_classifier" too), unlike that of
/// in_module: peft has both rules.
bool saved_whole(const std::string& path, const std::vector<std::string>& entries);

/// Which layers are meant: target_modules, exclude_modules, modules_to_save, layers_to_transform
/// and layers_pattern.
class Targets {
 public:
  Targets(const Json& config, const std::string& where);
  bool match(const std::string& path, const nn::Site& site) const;
  /// Whether every layer that matches must have an adapter: names or an expression are given.
  bool exact() const { return !any_ && !all_linear_; }

 private:
  /// Names, or one expression over whole paths.
  struct Names {
    std::vector<std::string> names;
    std::vector<PathPattern> pattern;  // none or one
    bool match(const std::string& path) const;
  };
  static Names read(const Json& config, const std::string& key, const std::string& where);
  bool chosen_layer(const std::string& path) const;

  bool any_ = false, all_linear_ = false;
  Names targets_, excluded_;
  std::vector<std::string> saved_;
  std::vector<int64_t> layers_;
  std::vector<PathPattern> layers_patterns_;
};

/// The configuration as it holds for one layer: rank_pattern and alpha_pattern worked in.
class LayerSettings {
 public:
  LayerSettings(const Json& config, const std::string& where);
  Json of(const std::string& path) const;

 private:
  using Patterns = std::vector<std::pair<PathPattern, Json>>;
  static Patterns read(const Json& config, const std::string& key, const std::string& where);
  Json common_;
  Patterns ranks_, alphas_;
};

}  // namespace graft::peft
