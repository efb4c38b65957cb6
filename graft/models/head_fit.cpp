#include "graft/models/head_fit.h"

#include <torch/types.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "graft/base/error.h"
#include "graft/base/mapped_pages.h"

namespace graft::models {
namespace {

std::string shape_text(at::IntArrayRef sizes) {
  return fmt::format("[{}]", fmt::join(sizes.begin(), sizes.end(), ", "));
}

bool in_head(const Model& model, const nn::Parameter& p) {
  return model.block_span(p.block) == Span::head;
}

bool of_classes(const Model& model, const nn::Parameter& p) {
  return class_rows_of(model, p).has_value();
}

bool may_be_new(const Model& model, const nn::Parameter& p) {
  return in_head(model, p) && (model.has_classifier() || model.task() == Task::masked_token);
}

/// How transformers calls what stands on its bare models.
bool names_a_head(const Family& family, std::string name) {
  static constexpr std::array kHeads = {"classifier",
                                        "cls_classifier",
                                        "distillation_classifier",
                                        "cls",
                                        "decoder",
                                        "head",
                                        "lm_head",
                                        "lm_predictions",
                                        "mask_predictions",
                                        "pooler",
                                        "pre_classifier",
                                        "qa_outputs",
                                        "score",
                                        "vocab_transform",
                                        "vocab_layer_norm",
                                        "vocab_projector"};
  if (name.starts_with(family.base_prefix)) name.erase(0, family.base_prefix.size());
  return std::ranges::find(kHeads, name.substr(0, name.find('.'))) != kHeads.end();
}

/// Rows of classes that both heads have, and all rows of no class. `places` are the rows of the
/// classes.
void copy_rows(const at::Tensor& old, const RowMap& rows, const ClassRows& places,
               const at::Tensor& value) {
  auto shape = value.sizes().vec();
  auto old_shape = old.sizes().vec();
  const bool fits = !old_shape.empty() && old_shape.size() == shape.size() &&
                    std::equal(shape.begin() + 1, shape.end(), old_shape.begin() + 1);
  if (!fits) return;  // a head of another width has nothing to keep
  const auto classes = static_cast<int64_t>(rows.from.size());
  const int64_t width = places.before + classes + places.after;
  const int64_t times = value.size(0) / width;  // anchors, or numbers of a class
  if (times == 0 || times * width != value.size(0) || old.size(0) % times != 0) return;
  // [times, rows, …] of the same memory.
  const auto sorted = [&](const at::Tensor& t) {
    std::vector<int64_t> parted(t.sizes().begin() + 1, t.sizes().end());
    const int64_t each = t.size(0) / times;
    parted.insert(parted.begin(), {places.together ? each : times, places.together ? times : each});
    const at::Tensor view = t.view(parted);
    return places.together ? view.transpose(0, 1) : view;
  };
  const at::Tensor from = sorted(old.contiguous()), to = sorted(value);
  const int64_t old_classes = from.size(1) - places.before - places.after;
  if (old_classes < 0) return;
  const auto copy = [&](int64_t row, int64_t old_row) {
    to.select(1, row).copy_(from.select(1, old_row));
  };
  for (int64_t i = 0; i < places.before; ++i) copy(i, i);
  for (int64_t i = 0; i < places.after; ++i)
    copy(places.before + classes + i, places.before + old_classes + i);
  for (int64_t i = 0; i < classes; ++i) {
    const int64_t its = rows.from[static_cast<size_t>(i)];
    if (its >= 0 && its < old_classes) copy(places.before + i, places.before + its);
  }
}

void add_layer(std::vector<std::string>& layers, const std::string& tensor) {
  const std::string layer = tensor.substr(0, tensor.rfind('.'));
  if (layers.empty() || layers.back() != layer) layers.push_back(layer);
}

std::string some(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 8; ++i) text += (i ? ", " : "") + names[i];
  return names.size() > 8 ? fmt::format("{}, … ({} in all)", text, names.size()) : text;
}

}  // namespace

std::optional<ClassRows> class_rows_of(const Model& model, const nn::Parameter& p) {
  if (!model.class_rows().empty()) {
    const auto found = model.class_rows().find(p.name.substr(0, p.name.rfind('.')));
    return found == model.class_rows().end() ? std::nullopt : std::optional(found->second);
  }
  const bool rows = model.has_classifier() || model.task() == Task::boxes;
  return rows && p.block == model.size() - 1 ? std::optional(ClassRows()) : std::nullopt;
}

void copy_tensors(const io::TensorMap& tensors, const RowMap& rows,
                  const std::filesystem::path& where, LoadedModel& result) {
  Model& model = *result.model;
  const Family& family = find_family(model.family());
  const at::NoGradGuard no_grad;
  std::set<std::string> used;
  for (auto& p : model.registry().parameters) {
    const at::Tensor* found = tensors.find(p.name);
    const auto places = class_rows_of(model, p);
    const bool other_rows = places && !rows.same;
    if (found && found->sizes() != p.value->sizes() && !may_be_new(model, p) && !other_rows) {
      fail_unreadable(
          "{}: {} has the shape {}, the config asks for {}; config.json and weights do not belong "
          "together",
          where.string(), p.name, shape_text(found->sizes()), shape_text(p.value->sizes()));
    }
    if (found) used.insert(p.name);
    if (found && p.value->is_floating_point() &&
        (!found->is_floating_point() || c10::isFloat8Type(found->scalar_type()))) {
      fail_unreadable(
          "{}: {} has the type {}: the weights are quantised, which graft does not read; give the "
          "model's original weights in float32, bfloat16 or float16",
          where.string(), p.name, toString(found->scalar_type()));
    }
    if (other_rows) {
      if (found && !rows.foreign_head) copy_rows(*found, rows, *places, *p.value);
      continue;
    }
    if (found && found->sizes() == p.value->sizes()) {
      p.value->copy_(*found);
      // Together with its copies a file would be in memory twice.
      if (!result.folder.empty() && found->is_cpu() && found->is_contiguous())
        release_pages(found->const_data_ptr(), found->nbytes());
      continue;
    }
    const bool optional = p.is_buffer() && p.name.ends_with("num_batches_tracked");
    if (optional || places) continue;
    if (may_be_new(model, p))
      add_layer(result.head.layers, p.name);
    else
      result.missing.push_back(p.name);
  }
  for (const auto& [name, tensor] : tensors) {
    if (!used.count(name))
      (names_a_head(family, name) ? result.other_heads : result.unused).push_back(name);
  }
}

void note_new_head(LoadedModel& loaded) {
  for (const auto& p : loaded.model->registry().parameters) {
    if (in_head(*loaded.model, p) && !of_classes(*loaded.model, p))
      add_layer(loaded.head.layers, p.name);
  }
}

void init_new_layers(LoadedModel& loaded, const nn::Init& random) {
  const at::NoGradGuard no_grad;
  const auto& layers = loaded.head.layers;
  for (auto& p : loaded.model->registry().parameters) {
    if (p.role != nn::Role::weight) continue;
    const std::string layer = p.name.substr(0, p.name.rfind('.'));
    if (std::ranges::find(layers, layer) != layers.end()) random.normal(p.name, *p.value, 0.02);
  }
}

std::string HeadFit::summary() const {
  const std::string fresh = layers.empty() ? "" : fmt::format("new layers {}", some(layers));
  if (task == Task::embedding) return "head: none, the features are what is learned";
  if (task == Task::masked_token)
    return "head: for masked tokens, " + (fresh.empty() ? "kept from the checkpoint" : fresh);
  if (task == Task::next_token) return "head: for the next token, kept from the checkpoint";
  std::string text = fmt::format("head: {} classes kept from the checkpoint", kept.size());
  if (!kept.empty()) text += fmt::format(" ({})", some(kept));
  text += fmt::format(", {} new", added.size());
  if (!added.empty()) text += fmt::format(" ({})", some(added));
  if (!dropped.empty()) text += fmt::format(", {} of the checkpoint dropped", dropped.size());
  return fresh.empty() ? text : text + "; " + fresh;
}

}  // namespace graft::models
