#include "graft/models/rt_detr/queries.h"

#include <torch/types.h>

#include <cmath>
#include <limits>

#include "graft/base/error.h"
#include "graft/models/rt_detr/denoising.h"

namespace graft::models::rt_detr {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kFinestSide = 0.05;  // of boxes that the first map proposes, in shares of a side
constexpr double kMargin = 0.01;      // pixels whose box comes nearer to 0 or 1 propose none

std::unique_ptr<nn::ConvNorm> input(const nn::Scope& scope, const Settings& s, int64_t in,
                                    bool halves) {
  nn::ConvOptions o;
  o.in = in;
  o.out = s.model;
  if (halves) {
    o.kernel = {3, 3};
    o.stride = {2, 2};
    o.padding = {1, 1};
  }
  return std::make_unique<nn::ConvNorm>(scope, o, nn::Activation::none, s.batch_eps, kMomentum, "0",
                                        "1");
}

/// The box that each pixel proposes before it has learned anything, and whether it does.
struct Proposals {
  at::Tensor logits;  ///< [1, S, 4] of centre and size
  at::Tensor valid;   ///< [1, S, 1]
};

Proposals proposals(const std::vector<nn::MapSize>& maps, const at::Tensor& like) {
  std::vector<at::Tensor> boxes;
  double side = kFinestSide;
  for (const nn::MapSize& map : maps) {
    const auto middles = [&](int64_t count) {
      return (at::arange(count, like.options()) + 0.5) / static_cast<double>(count);
    };
    const at::Tensor x = middles(map.width).unsqueeze(0).expand({map.height, map.width});
    const at::Tensor y = middles(map.height).unsqueeze(1).expand({map.height, map.width});
    const at::Tensor sides = at::full_like(x, side);
    boxes.push_back(at::stack({x, y, sides, sides}, -1).view({1, map.area(), 4}));
    side *= 2;
  }
  const at::Tensor all = at::cat(boxes, 1);
  const at::Tensor valid = ((all > kMargin) & (all < 1 - kMargin)).all(-1, true);
  const double most = like.scalar_type() == at::kDouble ? std::numeric_limits<double>::max()
                                                        : std::numeric_limits<float>::max();
  return {at::log(all / (1 - all)).masked_fill(valid.logical_not(), most), valid};
}

/// Rows `index` [B, N] of x [B or 1, S, D].
at::Tensor rows(const at::Tensor& x, const at::Tensor& index) {
  return x.expand({index.size(0), x.size(1), x.size(2)})
      .gather(1, index.unsqueeze(-1).expand({index.size(0), index.size(1), x.size(2)}));
}

}  // namespace

QuerySelection::QuerySelection(const nn::Scope& scope, const Settings& s,
                               const std::vector<Level>& levels, int64_t classes)
    : settings_(s),
      classes_(classes),
      stride_(levels.front().stride),
      output_(scope / "enc_output" / "0", s.model, s.model),
      output_norm_(scope / "enc_output" / "1", s.model, s.layer_eps),
      scores_(scope / "enc_score_head", s.model, classes),
      boxes_(scope / "enc_bbox_head", {s.model, s.model, s.model, 4}) {
  scores_.bias().fill_(s.prior(classes));
  const bool as_they_are = s.kind == Kind::d_fine && s.model == s.map_channels.back();
  for (int64_t i = 0; i < s.levels; ++i) {
    const bool extra = i >= static_cast<int64_t>(s.map_channels.size());
    inputs_.push_back(as_they_are ? nullptr
                                  : input(scope / "decoder_input_proj" / std::to_string(i), s,
                                          s.map_channels.back(), extra));
  }
  if (s.noised > 0)
    noised_ =
        std::make_unique<nn::Embedding>(scope / "denoising_class_embed", classes + 1, s.model);
  if (s.learns_queries)
    learned_ = std::make_unique<nn::Embedding>(scope / "weight_embedding", s.queries, s.model);
}

Memory QuerySelection::memory(const nn::Flow& flow) const {
  Memory memory;
  std::vector<at::Tensor> parts;
  const auto given = settings_.map_channels.size();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    // Maps beyond those of the neck are made of its last one.
    at::Tensor map = flow.at(fmt::format("level{}", std::min(i, given - 1)));
    if (at::isReducedFloatingType(map.scalar_type())) map = map.to(at::kFloat);
    if (inputs_[i]) map = (*inputs_[i])(map);
    memory.maps.push_back({map.size(2), map.size(3)});
    parts.push_back(map.flatten(2).transpose(1, 2));
  }
  memory.pixels = at::cat(parts, 1);
  return memory;
}

Start QuerySelection::operator()(const nn::Flow& flow, const Memory& memory,
                                 const nn::Context& context) const {
  const auto [anchors, valid] = proposals(memory.maps, memory.pixels);
  if (memory.pixels.size(1) < settings_.queries)
    fail_usage(
        "the maps of a picture of this size have {} pixels, fewer than the model's {} queries; "
        "give larger pictures, or fewer queries (config.json: num_queries)",
        memory.pixels.size(1), settings_.queries);
  const at::Tensor said = output_norm_(output_(memory.pixels * valid.to(memory.pixels)));
  const at::Tensor scores = scores_(said);
  const at::Tensor chosen = std::get<1>(scores.detach().amax(-1).topk(settings_.queries, 1));
  const at::Tensor content = rows(said, chosen);
  Start start;
  start.references = boxes_(content) + rows(anchors, chosen);
  start.first_logits = rows(scores, chosen);
  start.first_boxes = at::sigmoid(start.references);
  start.references = start.references.detach();
  start.content = learned_ ? (*learned_)(at::arange(settings_.queries, chosen.options()))
                                 .unsqueeze(0)
                                 .expand(content.sizes())
                           : content.detach();
  if (context.training && noised_ && flow.has("objects"))
    add_noised(flow.at("objects"), memory, context, start);
  return start;
}

void QuerySelection::add_noised(const at::Tensor& objects, const Memory& memory,
                                const nn::Context& context, Start& start) const {
  const image::Dimensions input{static_cast<int>(memory.maps.front().width * stride_),
                                static_cast<int>(memory.maps.front().height * stride_)};
  const auto noised = noised_objects(objects, input, classes_, settings_, context);
  if (!noised) return;
  const at::Tensor rows = (*noised_)(noised->labels);
  // The row that stands for none is no parameter of a class: it does not learn.
  const at::Tensor none = (noised->labels == classes_).unsqueeze(-1);
  const at::Tensor content = at::where(none, rows.detach(), rows).to(start.content);
  start.content = at::cat({content, start.content}, 1);
  start.references = at::cat({noised->references.to(start.references), start.references}, 1);
  start.mask = noise_mask(noised->labels.size(1), noised->group, settings_.queries, start.content);
}

}  // namespace graft::models::rt_detr
