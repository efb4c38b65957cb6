#include "graft/models/head_fit.h"

#include <torch/types.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "graft/base/error.h"

namespace graft::models {
namespace {

std::string shape_text(at::IntArrayRef sizes) {
  return fmt::format("[{}]", fmt::join(sizes.begin(), sizes.end(), ", "));
}

bool in_head(const Model& model, const nn::Parameter& p) {
  return model.block_span(p.block) == Span::head;
}

/// Whether the first dimension is the classes: of all that the last block of a classifier holds, or
/// that of a detector.
bool of_classes(const Model& model, const nn::Parameter& p) {
  const bool rows = model.has_classifier() || model.task() == Task::boxes;
  return rows && p.block == model.size() - 1;
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

/// Rows of classes that both heads have. Each anchor of a detector begins with `others` rows of no
/// class, which stay.
void copy_rows(const at::Tensor& old, const RowMap& rows, int64_t others, const at::Tensor& value) {
  auto shape = value.sizes().vec();
  auto old_shape = old.sizes().vec();
  const bool fits = !old_shape.empty() && old_shape.size() == shape.size() &&
                    std::equal(shape.begin() + 1, shape.end(), old_shape.begin() + 1);
  if (!fits) return;  // a head of another width has nothing to keep
  const int64_t width = others + static_cast<int64_t>(rows.from.size());
  const int64_t anchors = value.size(0) / width;
  if (anchors == 0 || anchors * width != value.size(0) || old.size(0) % anchors != 0) return;
  const int64_t old_width = old.size(0) / anchors;
  for (int64_t a = 0; a < anchors; ++a) {
    const at::Tensor from = old.narrow(0, a * old_width, old_width);
    const at::Tensor to = value.narrow(0, a * width, width);
    to.narrow(0, 0, others).copy_(from.narrow(0, 0, others));
    for (size_t i = 0; i < rows.from.size(); ++i) {
      if (rows.from[i] >= 0 && others + rows.from[i] < old_width)
        to.select(0, others + static_cast<int64_t>(i)).copy_(from.select(0, others + rows.from[i]));
    }
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

void copy_tensors(const io::TensorMap& tensors, const RowMap& rows,
                  const std::filesystem::path& where, LoadedModel& result) {
  Model& model = *result.model;
  const Family& family = find_family(model.family());
  const at::NoGradGuard no_grad;
  std::set<std::string> used;
  for (auto& p : model.registry().parameters) {
    const at::Tensor* found = tensors.find(p.name);
    const bool other_rows = of_classes(model, p) && !rows.same;
    if (found && found->sizes() != p.value->sizes() && !may_be_new(model, p) && !other_rows) {
      fail_unreadable(
          "{}: {} has the shape {}, the config asks for {}; config.json and weights do not belong "
          "together",
          where.string(), p.name, shape_text(found->sizes()), shape_text(p.value->sizes()));
    }
    if (found) used.insert(p.name);
    if (other_rows) {
      if (found && !rows.foreign_head) copy_rows(*found, rows, model.box_rows(), *p.value);
      continue;
    }
    if (found && found->sizes() == p.value->sizes()) {
      p.value->copy_(*found);
      continue;
    }
    const bool optional = p.is_buffer() && p.name.ends_with("num_batches_tracked");
    if (optional || of_classes(model, p)) continue;
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
