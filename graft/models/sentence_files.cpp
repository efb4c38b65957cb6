#include "graft/models/sentence_files.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/models/family.h"
#include "graft/models/text_tower.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModules = "modules.json";
constexpr const char* kPoolingFolder = "1_Pooling";
constexpr const char* kNormalizeFolder = "2_Normalize";
constexpr const char* kPrompts = "config_sentence_transformers.json";

/// Names of ways to pool: in files of old versions a flag each, in new ones one word; and ours,
/// none where graft has it not.
struct Way {
  const char *flag, *word, *ours;
};
constexpr Way kWays[] = {{"pooling_mode_cls_token", "cls", "cls"},
                         {"pooling_mode_mean_tokens", "mean", "mean"},
                         {"pooling_mode_lasttoken", "lasttoken", "last"},
                         {"pooling_mode_max_tokens", "max", nullptr},
                         {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", nullptr},
                         {"pooling_mode_weightedmean_tokens", "weightedmean", nullptr}};

Json read_object(const fs::path& file) {
  Json json = fs::exists(file) ? read_json(file) : Json::object();
  return json.is_object() ? json : Json::object();
}

/// The ways that a pooling module joins.
std::vector<const Way*> ways_of(const Json& module) {
  const Json named = module.value("pooling_mode", Json());
  const auto is_named = [&](const Way& way) {
    if (named.is_array()) return std::ranges::find(named, Json(way.word)) != named.end();
    return named.is_string() ? named == way.word : module.value(way.flag, Json()) == true;
  };
  std::vector<const Way*> ways;
  for (const Way& way : kWays) {
    if (is_named(way)) ways.push_back(&way);
  }
  return ways;
}

struct Module {
  std::string kind;  // "Pooling" of "sentence_transformers.models.Pooling"
  fs::path folder;
};

std::vector<Module> modules_of(const fs::path& folder) {
  const fs::path file = folder / kModules;
  if (!fs::exists(file)) {
    if (!fs::exists(folder / kPoolingFolder)) return {};
    return {{"Pooling", folder / kPoolingFolder}};
  }
  const Json list = read_json(file);
  std::vector<Module> modules;
  for (const Json& entry : list.is_array() ? list : Json::array()) {
    const std::string type = config_text(entry, "type", "");
    modules.push_back({type.substr(type.rfind('.') + 1), folder / config_text(entry, "path", "")});
  }
  return modules;
}

void fail_module(const fs::path& folder, const std::string& what) {
  fail_unreadable(
      "{}: its embeddings are made with {}, which graft does not have; it pools the first token, "
      "the mean or the last token (give model.pooling), and may normalise that",
      folder.string(), what);
}

std::string joined(const std::vector<const Way*>& ways) {
  std::string text;
  for (const Way* way : ways) text += (text.empty() ? "" : " and ") + std::string(way->word);
  return text + " pooling";
}

/// Under the names that families have for it.
int64_t width_of(const Json& config) {
  return config_integer(config, "hidden_size",
                        config_integer(config, "dim", config_integer(config, "n_embd", 768)));
}

}  // namespace

bool has_sentence_files(const fs::path& folder) {
  return fs::exists(folder / kModules);
}

void read_sentence_files(Json& config, const fs::path& folder, Task task, bool given) {
  const bool embeds = task == Task::embedding;
  for (const Module& module : modules_of(folder)) {
    if (module.kind == "Pooling") {
      if (given || (!embeds && config.contains(kPoolingKey))) continue;
      const auto ways = ways_of(read_object(module.folder / "config.json"));
      const bool known = ways.size() == 1 && ways.front()->ours;
      if (known) config[kPoolingKey] = ways.front()->ours;
      if (embeds && !known && !ways.empty()) fail_module(folder, joined(ways));
    } else if (module.kind == "Normalize") {
      if (embeds) config[kNormalizeKey] = true;
    } else if (module.kind != "Transformer" && embeds) {
      fail_module(folder, "a module " + module.kind);
    }
  }
}

void write_sentence_files(const Model& model, const fs::path& folder) {
  const Json& c = model.config();
  const bool normalizes = config_flag(c, kNormalizeKey, false);
  Json modules = Json::array();
  const auto add = [&](const char* path, const char* kind) {
    modules.push_back({{"idx", modules.size()},
                       {"name", std::to_string(modules.size())},
                       {"path", path},
                       {"type", std::string("sentence_transformers.models.") + kind}});
  };
  add("", "Transformer");
  add(kPoolingFolder, "Pooling");
  if (normalizes) add(kNormalizeFolder, "Normalize");
  write_json(folder / kModules, modules);

  const std::string ours = pooling_name(pooling_of(c, Pooling::mean));
  Json pooling = {{"word_embedding_dimension", width_of(c)}, {"include_prompt", true}};
  for (const Way& way : kWays) pooling[way.flag] = way.ours && ours == way.ours;
  fs::create_directories(folder / kPoolingFolder);
  write_json(folder / kPoolingFolder / "config.json", pooling);
  if (normalizes) {
    // A folder that is empty would not survive git.
    fs::create_directories(folder / kNormalizeFolder);
    write_json(folder / kNormalizeFolder / "config.json",
               {{"module_input_name", "sentence_embedding"}});
  }
  write_json(folder / "sentence_bert_config.json",
             {{"max_seq_length", model.text_preprocess().max_length}, {"do_lower_case", false}});
  const fs::path prompts = model.text_preprocess().folder / kPrompts;
  const fs::path copy = folder / kPrompts;
  if (fs::exists(prompts) && !(fs::exists(copy) && fs::equivalent(prompts, copy)))
    fs::copy_file(prompts, copy, fs::copy_options::overwrite_existing);
}

}  // namespace graft::models
