#include "graft/models/generation_config.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

constexpr int64_t kUsualTopK = 50;  // of transformers, where a file samples and says nothing

/// A token id, or several.
std::vector<int32_t> ids_of(const Json& config, const char* key) {
  std::vector<int32_t> ids;
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return ids;
  const Json list = found->is_array() ? *found : Json::array({*found});
  for (const Json& id : list) {
    // Some files say -1 for none.
    if (id.is_number_integer() && id.get<int64_t>() == -1) continue;
    ids.push_back(static_cast<int32_t>(config_integer(Json{{key, id}}, key, 0)));
  }
  return ids;
}

/// Positions that the model was made for.
int64_t context_of(const Json& config) {
  const int64_t positions = config_integer(config, "max_position_embeddings",
                                           config_integer(config, "n_positions", 1 << 20));
  // "dynamic" stretches frequencies beyond them, up to that factor.
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const Json rope = config.value(key, Json());
    if (!rope.is_object() || rope.value("rope_type", rope.value("type", Json())) != "dynamic")
      continue;
    return static_cast<int64_t>(std::floor(static_cast<double>(positions) *
                                           std::max(1.0, config_number(rope, "factor", 1))));
  }
  return positions;
}

Sampling sampling_of(const Json& file) {
  Sampling sampling;
  sampling.repetition_penalty = config_number(file, "repetition_penalty", 1);
  if (!config_flag(file, "do_sample", false)) return sampling;
  sampling.temperature = config_number(file, "temperature", 1);
  sampling.top_k = config_integer(file, "top_k", kUsualTopK);
  sampling.top_p = config_number(file, "top_p", 1);
  return sampling;
}

}  // namespace

GenerationConfig read_generation_config(const Model& model) {
  const texts::Preprocess& preprocess = model.text_preprocess();
  const std::filesystem::path path = preprocess.folder / "generation_config.json";
  Json file = Json::object();
  if (!preprocess.folder.empty() && std::filesystem::exists(path)) file = read_json(path);
  if (!file.is_object()) fail_unreadable("{}: expected a mapping of settings", path.string());

  GenerationConfig config;
  try {
    config.sampling = sampling_of(file);
    config.ends = ids_of(file, "eos_token_id");
    if (const auto begin = ids_of(file, "bos_token_id"); !begin.empty()) config.begin = begin[0];
  } catch (const Error& e) {
    fail_unreadable("{}: {}", path.string(), e.what());
  }
  for (const int32_t id : ids_of(model.config(), "eos_token_id")) config.ends.push_back(id);
  if (const auto begin = ids_of(model.config(), "bos_token_id"); !config.begin && !begin.empty())
    config.begin = begin[0];
  if (preprocess.tokenizer) {
    if (const auto end = preprocess.tokenizer->special_id("eos_token"))
      config.ends.push_back(static_cast<int32_t>(*end));
    if (const auto begin = preprocess.tokenizer->special_id("bos_token"); !config.begin && begin)
      config.begin = static_cast<int32_t>(*begin);
  }
  std::ranges::sort(config.ends);
  config.ends.erase(std::unique(config.ends.begin(), config.ends.end()), config.ends.end());
  config.context = context_of(model.config());
  return config;
}

}  // namespace graft::models
