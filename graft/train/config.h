#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/options.h"
#include "graft/peft/method.h"
#include "graft/strategies/strategy.h"

namespace graft::train {

constexpr int64_t kLargestBatch = 1'000'000;  ///< of a batch

/// What may be spent; any of them together, none may be exceeded.
struct Budget {
  std::optional<double> epochs;
  std::optional<int64_t> steps, samples;
  std::optional<double> time_s;   ///< wall clock, from process start to exit
  std::optional<int64_t> memory;  ///< resident bytes
  bool any_length() const { return epochs || steps || samples || time_s; }
};

/// Everything a run is told, checked. Values that are still "auto" are for the planner to decide;
/// the loop refuses to start with one.
struct Config {
  Json values;  ///< the whole configuration, every key spelled out, as config.yaml holds it

  std::vector<peft::Choice> methods;
  strategies::Choice strategy;
  Budget budget;

  const Json& at(const std::string& section, const std::string& key) const;
  bool is_auto(const std::string& section, const std::string& key) const;
  uint64_t seed() const { return values.at("seed").get<uint64_t>(); }
  std::string output() const { return values.at("output").get<std::string>(); }
};

/// Sections and keys with their records; feeds validation, `graft describe config` and the docs.
struct Section {
  std::string name;  ///< "" for the top level
  std::string help;
  std::vector<Option> options;
};
const std::vector<Section>& config_sections();

/// Checks a configuration and fills in defaults. Unknown keys are errors (exit code 2) naming the
/// nearest.
Config make_config(const Json& given);

/// Applies "key=value" words (nested keys with dots, values in YAML's flow style) to a
/// configuration.
void apply_override(Json& given, const std::string& word);

/// Whether an unresolved "auto" stands at a key the loop reads.
std::vector<std::string> unresolved(const Config& config);

}  // namespace graft::train
