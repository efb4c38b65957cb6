#include "graft/models/detr/query_heads.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <regex>

namespace graft::models {
namespace {

constexpr double kRarely = 0.01;    // the score that a new class begins with
constexpr double kSmallest = 1e-5;  // of a share, before its logit is taken
constexpr const char* kRefined = "model.decoder.bbox_embed.";

/// Classes are told apart in float32 at least, and boxes to the pixel.
at::Tensor wide(const at::Tensor& x) {
  return at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
}

}  // namespace

QueryHead::QueryHead(const nn::Scope& classes, const nn::Scope& boxes, int64_t width, int64_t count)
    : classes_(classes, width, count), boxes_(boxes, {width, width, width, 4}) {
  // New rows stay so when a head is fitted to other classes.
  classes_.bias().fill_(-std::log((1 - kRarely) / kRarely));
}

at::Tensor QueryHead::logits(const at::Tensor& x) const {
  return classes_(wide(x));
}

at::Tensor QueryHead::boxes(const at::Tensor& x, const at::Tensor& references) const {
  const at::Tensor from = wide(references).clamp(0, 1);
  const at::Tensor start = (from.clamp_min(kSmallest) / (1 - from).clamp_min(kSmallest)).log();
  const int64_t missing = 4 - start.size(-1);
  return at::sigmoid(boxes_(wide(x)) + at::constant_pad_nd(start, {0, missing}));
}

std::shared_ptr<QueryHead> QueryHeads::of(const nn::Scope& root, int64_t layer) {
  if (!refine_) layer = 0;
  if (!made_ || refine_) {
    const nn::Scope boxes = root / (refine_ ? "model.decoder.bbox_embed" : "bbox_embed");
    made_ = std::make_shared<QueryHead>(root / "class_embed" / std::to_string(layer),
                                        boxes / std::to_string(layer), width_, classes_);
  }
  return made_;
}

void unpack_query_heads(io::TensorMap& tensors) {
  const auto is_refined = [](const auto& item) { return item.first.starts_with(kRefined); };
  const bool refined = std::ranges::any_of(tensors, is_refined);
  static const std::regex head_name(R"((class_embed|bbox_embed)\.(\d+)\.(.*))");
  io::TensorMap kept;
  for (const auto& [name, tensor] : tensors) {
    std::smatch match;
    if (std::regex_match(name, match, head_name)) {
      const std::string first = match[1].str() + ".0." + match[3].str();
      const bool of_class = match[1] == "class_embed";
      // The decoder's copy is taken of refined boxes, the first of what all layers share.
      if (refined && !of_class && tensors.contains("model.decoder." + name)) continue;
      if (!refined && name != first && tensors.contains(first) && tensor.equal(tensors.at(first)))
        continue;
    }
    kept.add(name, tensor);
  }
  for (int i = 1; tensors.contains(fmt::format("{}{}.layers.0.weight", kRefined, i)); ++i) {
    for (const char* part : {"weight", "bias"}) {
      const std::string name = fmt::format("class_embed.{}.{}", i, part);
      const at::Tensor* shared = kept.find(fmt::format("class_embed.0.{}", part));
      if (shared && !kept.contains(name)) kept.add(name, shared->clone());
    }
  }
  tensors = std::move(kept);
}

/// transformers looks for refined boxes in two places.
void pack_query_heads(io::TensorMap& tensors) {
  io::TensorMap all = tensors;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(kRefined))
      all.add(name.substr(std::string("model.decoder.").size()), tensor.clone());
  }
  tensors = std::move(all);
}

}  // namespace graft::models
