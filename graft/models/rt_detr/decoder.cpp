#include "graft/models/rt_detr/decoder.h"

#include <torch/types.h>

#include "graft/models/rt_detr/denoising.h"

namespace graft::models::rtdetr {
namespace {

class RtDetrDecoder final : public Decoder {
 public:
  RtDetrDecoder(const nn::Scope& scope, const Settings& s, int64_t classes)
      : parts_(scope, s, classes, 4) {}

  void operator()(const Start& start, const Memory& memory, nn::Context& context,
                  nn::Flow& result) const override {
    at::Tensor x = start.content;
    at::Tensor boxes = at::sigmoid(start.references);
    std::vector<at::Tensor> all_logits, all_boxes;
    for (size_t i = 0; i < parts_.layers.size(); ++i) {
      x = (*parts_.layers[i])(x, parts_.positions(boxes), boxes, start.mask, memory, context);
      const at::Tensor moved = at::sigmoid((*parts_.boxes[i])(x) + inverse_sigmoid(boxes));
      all_boxes.push_back(moved);
      all_logits.push_back((*parts_.classes[i])(x));
      // Each layer learns its own step only.
      boxes = moved.detach();
    }
    result["layer_logits"] = at::stack(all_logits, 1);
    result["layer_boxes"] = at::stack(all_boxes, 1);
  }

 private:
  DecoderParts parts_;
};

}  // namespace

DecoderParts::DecoderParts(const nn::Scope& scope, const Settings& s, int64_t class_count,
                           int64_t box_numbers)
    : positions(scope / "query_pos_head", {4, 2 * s.model, s.model}) {
  for (int64_t i = 0; i < s.layers; ++i) {
    const std::string number = std::to_string(i);
    layers.push_back(std::make_unique<DecoderLayer>(scope / "layers" / number, s));
    classes.push_back(
        std::make_unique<nn::Linear>(scope / "class_embed" / number, s.model, class_count));
    classes.back()->bias().fill_(s.prior(class_count));
    boxes.push_back(
        std::make_unique<Mlp>(scope / "bbox_embed" / number,
                              std::vector<int64_t>{s.model, s.model, s.model, box_numbers}));
  }
}

std::unique_ptr<Decoder> make_rt_detr_decoder(const nn::Scope& scope, const Settings& settings,
                                              int64_t classes) {
  return std::make_unique<RtDetrDecoder>(scope, settings, classes);
}

SetHead::SetHead(const nn::Scope& scope, const Settings& s, const std::vector<Level>& levels,
                 int64_t classes)
    : queries_(s.queries),
      selection_(scope, s, levels, classes),
      decoder_(s.kind == Kind::d_fine ? make_d_fine_decoder(scope / "decoder", s, classes)
                                      : make_rt_detr_decoder(scope / "decoder", s, classes)) {}

nn::Flow SetHead::forward(nn::Flow flow, nn::Context& context) {
  const Memory memory = selection_.memory(flow);
  const Start start = selection_(flow, memory, context);
  nn::Flow result;
  (*decoder_)(start, memory, context, result);
  const auto last = [&](const char* name) {
    const at::Tensor said = result.at(name).select(1, -1);
    return said.narrow(1, said.size(1) - queries_, queries_);
  };
  result["logits"] = last("layer_logits");
  result["boxes"] = last("layer_boxes");
  result["first_logits"] = start.first_logits;
  result["first_boxes"] = start.first_boxes;
  return result;
}

}  // namespace graft::models::rtdetr
