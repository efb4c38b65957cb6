#include <torch/types.h>

#include "graft/models/rt_detr/decoder.h"
#include "graft/models/rt_detr/denoising.h"
#include "graft/models/rt_detr/distribution.h"

namespace graft::models::rtdetr {
namespace {

constexpr double kLargestPosition = 10;

/// How sure a box is, told by how narrow its distributions are; added to the logits of its classes.
class Quality {
 public:
  Quality(const nn::Scope& scope, const Settings& s)
      : values_(s.bins + 1), top_(s.top_values), layers_(scope / "reg_conf", widths(s)) {}
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& corners) const {
    const at::Tensor shares = at::softmax(corners.unflatten(-1, {4, values_}), -1);
    const at::Tensor best = std::get<0>(shares.topk(top_, -1));
    return logits + layers_(at::cat({best, best.mean(-1, true)}, -1).flatten(-2));
  }

 private:
  static std::vector<int64_t> widths(const Settings& s) {
    std::vector<int64_t> widths{4 * (s.top_values + 1)};
    widths.insert(widths.end(), static_cast<size_t>(s.quality_layers - 1), s.quality_width);
    widths.push_back(1);
    return widths;
  }
  int64_t values_, top_;
  Mlp layers_;
};

class DFineDecoder final : public Decoder {
 public:
  DFineDecoder(const nn::Scope& scope, const Settings& s, int64_t classes)
      : settings_(s),
        parts_(scope, s, classes, 4 * (s.bins + 1)),
        first_boxes_(scope / "pre_bbox_head", {s.model, s.model, s.model, 4}),
        reg_scale_(at::full({1}, s.reg_scale, at::kFloat)),
        up_(at::full({1}, s.up, at::kFloat)) {
    for (int64_t i = 0; i < s.layers; ++i)
      qualities_.push_back(std::make_unique<Quality>(scope / "lqe_layers" / std::to_string(i), s));
    // They stand in files; transformers reads the config's numbers in the loss.
    scope.add("reg_scale", reg_scale_, nn::Role::buffer);
    scope.add("up", up_, nn::Role::buffer);
  }

  void operator()(const Start& start, const Memory& memory, nn::Context& context,
                  nn::Flow& result) const override {
    const at::Tensor values = shifts(settings_, start.content);
    at::Tensor x = start.content, earlier, corners;
    at::Tensor boxes = at::sigmoid(start.references), references;
    std::vector<at::Tensor> all_logits, all_boxes, all_corners, all_references;
    for (size_t i = 0; i < parts_.layers.size(); ++i) {
      const at::Tensor positions =
          parts_.positions(boxes).clamp(-kLargestPosition, kLargestPosition);
      x = (*parts_.layers[i])(x, positions, boxes, start.mask, memory, context);
      const bool asked = context.training || i + 1 == parts_.layers.size();
      const at::Tensor logits = asked ? (*parts_.classes[i])(x) : at::Tensor();
      if (i == 0) {
        const at::Tensor first = at::sigmoid(first_boxes_(x) + inverse_sigmoid(boxes));
        references = first.detach();
        if (asked) {
          all_logits.push_back(logits);
          all_boxes.push_back(first);
        }
      }
      const at::Tensor change = (*parts_.boxes[i])(earlier.defined() ? x + earlier : x);
      corners = corners.defined() ? change + corners : change;
      const at::Tensor refined =
          shifted(references, mean_shifts(corners, values), settings_.reg_scale);
      boxes = refined.detach();
      earlier = x.detach();
      if (!asked) continue;
      all_logits.push_back((*qualities_[i])(logits, corners));
      all_boxes.push_back(refined);
      all_corners.push_back(corners);
      all_references.push_back(references);
    }
    result["layer_logits"] = at::stack(all_logits, 1);
    result["layer_boxes"] = at::stack(all_boxes, 1);
    result["corners"] = at::stack(all_corners, 1);
    result["references"] = at::stack(all_references, 1);
  }

 private:
  Settings settings_;
  DecoderParts parts_;
  Mlp first_boxes_;
  std::vector<std::unique_ptr<Quality>> qualities_;
  at::Tensor reg_scale_, up_;
};

}  // namespace

std::unique_ptr<Decoder> make_d_fine_decoder(const nn::Scope& scope, const Settings& settings,
                                             int64_t classes) {
  return std::make_unique<DFineDecoder>(scope, settings, classes);
}

}  // namespace graft::models::rtdetr
