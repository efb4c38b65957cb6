#include <torch/types.h>

#include "graft/io/safetensors.h"
#include "graft/models/load.h"
#include "graft/models/sentence_files.h"
#include "graft/models/text_tower.h"
#include "graft/text/tokenizer_files.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

/// A kind of the same model (DeiT…WithTeacher) stays what it was; a bare backbone gets the class of
/// its head.
void name_architecture(Json& config, const std::string& architecture) {
  const Json was = config.value("architectures", Json());
  const bool variant = was.is_array() && was.size() == 1 && was[0].is_string() &&
                       was[0].get<std::string>().starts_with(architecture);
  if (!variant) config["architectures"] = Json::array({architecture});
}

}  // namespace

void save_model(const Model& model, const fs::path& folder) {
  const Family& family = find_family(model.family());
  fs::create_directories(folder);
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, p.value->detach().cpu());
  if (family.pack) family.pack(tensors);
  io::TensorMap named;
  for (const auto& [name, tensor] : tensors) {
    std::string hub = hub_name(family, name);
    // Files of bare models have no prefix.
    if (model.task() == Task::embedding && hub.starts_with(family.base_prefix))
      hub.erase(0, family.base_prefix.size());
    named.add(hub, tensor);
  }
  io::write_safetensors(folder / "model.safetensors", named, {{"format", "pt"}});
  Json config = model.config();
  config["model_type"] = family.type_of(config);
  name_architecture(config, family.class_of(model.task(), config, folder.string()));
  config["dtype"] = "float32";
  config.erase(kNormalizeKey);  // modules.json says it
  write_json(folder / "config.json", config);
  if (family.content == Content::images) {
    write_json(folder / "preprocessor_config.json", model.preprocess().to_config());
    return;
  }
  texts::write_tokenizer_files(model.text_preprocess(), folder);
  if (model.task() == Task::token_classes)
    texts::write_blanks_before_words(model.text_preprocess(), folder);
  if (model.task() == Task::embedding) write_sentence_files(model, folder);
}

}  // namespace graft::models
