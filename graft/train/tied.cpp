#include "graft/train/tied.h"

#include <algorithm>

#include "graft/nn/seam.h"
#include "graft/peft/attach.h"
#include "graft/peft/modules.h"
#include "graft/train/adapter_names.h"

namespace graft::train {
namespace {

std::string module_of(const std::string& tensor) {
  return tensor.substr(0, tensor.rfind('.'));
}

/// Whether a tensor is of this module, and not of one below it.
bool belongs_to(const models::Model& model, const std::string& name, const std::string& module) {
  if (!name.starts_with(module + ".")) return false;
  return std::ranges::none_of(model.registry().parameters, [&](const nn::Parameter& p) {
    const std::string below = module_of(p.name);
    return below.size() > module.size() && name.starts_with(below + ".");
  });
}

}  // namespace

std::optional<TiedPlaces> tied_places(const models::Model& model) {
  if (model.output().embedding.empty()) return std::nullopt;
  return TiedPlaces{module_of(model.output().embedding), model.output().layer};
}

bool learns_tied_place(const models::Model& model, const std::vector<peft::Choice>& methods) {
  const auto places = tied_places(model);
  return places && std::any_of(methods.begin(), methods.end(), [&](const peft::Choice& choice) {
           const auto whole = peft::whole_modules(choice);
           return peft::in_module(places->embedding, whole) ||
                  peft::in_module(places->output, whole);
         });
}

bool adapts_tied_place(const models::Model& model) {
  const auto places = tied_places(model);
  const auto& seams = model.registry().seams;
  return places && std::any_of(seams.begin(), seams.end(), [&](const nn::Seam* seam) {
           const std::string path = seam->site().path;
           return !seam->adapters().empty() &&
                  (path == places->embedding || path == places->output);
         });
}

void untie_for(const peft::LoadedAdapter& adapter, models::LoadedModel& loaded) {
  const auto places = tied_places(*loaded.model);
  if (!places) return;
  const peft::Rename own = names_from_adapter(*loaded.model);
  const bool touched =
      std::any_of(adapter.tensors.begin(), adapter.tensors.end(), [&](const auto& item) {
        const std::string name = own(item.first);
        return belongs_to(*loaded.model, name, places->embedding) ||
               belongs_to(*loaded.model, name, places->output);
      });
  if (touched) loaded.model = models::untie_head(*loaded.model).model;
}

std::unique_ptr<models::Model> untied_copy(models::Model& model) {
  if (!adapts_tied_place(model)) return nullptr;
  std::unique_ptr<models::Model> untied = models::untie_head(model).model;
  for (const nn::Seam* seam : model.registry().seams) {
    std::string path = seam->site().path;
    if (path == model.output().layer) path = untied->output().layer;
    for (nn::Seam* other : untied->registry().seams) {
      if (other->site().path != path) continue;
      for (const auto& adapter : seam->adapters()) other->attach(adapter);
    }
  }
  return untied;
}

void merge_adapters(models::LoadedModel& loaded) {
  if (auto untied = untied_copy(*loaded.model)) loaded.model = std::move(untied);
  peft::merge_all(loaded.model->registry());
}

}  // namespace graft::train
