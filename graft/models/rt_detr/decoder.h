#pragma once

#include <memory>

#include "graft/models/rt_detr/decoder_layer.h"

namespace graft::models::rtdetr {

/// The layers of the decoder, each with a head for classes, "class_embed.<i>", and one for boxes,
/// "bbox_embed.<i>", that changes what the layer before said.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Adds to `result` what the L layers say, of objects with noise and then of queries:
  /// "layer_logits" [B, L, noised + queries, classes] and "layer_boxes" [B, L, …, 4], centre and
  /// size in shares of the input; the last is what counts. D-FINE adds "corners" and "references",
  /// as Edges (edge_loss.h) have them, [B, its layers, …].
  virtual void operator()(const Start& start, const Memory& memory, nn::Context& context,
                          nn::Flow& result) const = 0;
};

/// Each layer moves the boxes of the one before it.
std::unique_ptr<Decoder> make_rt_detr_decoder(const nn::Scope& scope, const Settings& settings,
                                              int64_t classes);
/// The first layer says boxes, and all say how far their edges are off, as distributions that are
/// refined from layer to layer. Outside of training only the last layer's are made.
std::unique_ptr<Decoder> make_d_fine_decoder(const nn::Scope& scope, const Settings& settings,
                                             int64_t classes);

/// What both are made of.
struct DecoderParts {
  DecoderParts(const nn::Scope& scope, const Settings& settings, int64_t classes,
               int64_t box_numbers);
  std::vector<std::unique_ptr<DecoderLayer>> layers;
  std::vector<std::unique_ptr<nn::Linear>> classes;
  std::vector<std::unique_ptr<Mlp>> boxes;
  Mlp positions;  ///< of boxes, for the attention
};

/// The last block: queries, decoder and heads. Its output has "logits" [B, queries, classes] and
/// "boxes" [B, queries, 4], what Decoder says of all layers, and "first_logits" and "first_boxes"
/// [B, queries, …] of the pixels that became queries.
class SetHead final : public Block {
 public:
  /// Its tensors stand below `scope` and "<scope>.decoder".
  SetHead(const nn::Scope& scope, const Settings& settings, const std::vector<Level>& levels,
          int64_t classes);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  int64_t queries_;
  QuerySelection selection_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace graft::models::rtdetr
