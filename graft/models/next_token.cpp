#include "graft/models/next_token.h"

#include <torch/types.h>

#include "graft/models/classifier.h"
#include "graft/nn/cost_meter.h"
#include "graft/nn/token_loss.h"

namespace graft::models {
namespace {

class NextToken final : public Block {
 public:
  NextToken(const nn::Scope& scope, const NextTokenHead& head, const nn::Scope& norm,
            nn::Embedding* tied)
      : head_(head), norm_(head.norm(norm)), tied_(tied) {
    if (!tied) output_ = std::make_unique<nn::Linear>(scope, head.width, head.vocabulary, false);
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    if (flow.has("targets")) return losses(flow, context);
    const at::Tensor x = norm_(flow.at("x"));
    at::Tensor logits = output_ ? (*output_)(x) : tied_logits(x, context);
    if (at::isReducedFloatingType(logits.scalar_type())) logits = logits.to(at::kFloat);
    if (head_.logit_cap > 0) logits = (logits / head_.logit_cap).tanh() * head_.logit_cap;
    nn::Flow result("logits", std::move(logits));
    result["lengths"] = flow.at("lengths");
    return result;
  }

 private:
  nn::Flow losses(const nn::Flow& flow, const nn::Context& context) const {
    const at::Tensor& targets = flow.at("targets");
    const at::Tensor rows = targets.ge(0).nonzero().squeeze(1);
    const at::Tensor wanted = targets.index_select(0, rows);
    // The norm, too, is only taken where something is learned.
    const at::Tensor x = norm_(flow.at("x").index_select(0, rows));
    if (nn::CostMeter* meter = nn::CostMeter::active()) {
      meter->add({context.block,
                  2.0 * static_cast<double>(x.numel()) * static_cast<double>(head_.vocabulary),
                  !tied_});
    }
    const nn::TokenLoss loss =
        nn::token_loss(x, tied_ ? tied_->weight() : output_->weight(), wanted, head_.logit_cap);

    const at::Tensor& lengths = flow.at("lengths");
    const at::Tensor text = at::repeat_interleave(lengths.to(rows.device())).index_select(0, rows);
    const at::Tensor none =
        at::zeros({lengths.size(0)}, at::TensorOptions(rows.device()).dtype(at::kDouble));
    const at::Tensor losses = none.index_add(0, text, loss.losses.to(at::kDouble));
    const at::Tensor learned = none.index_add(0, text, at::ones_like(text, at::kDouble));
    const at::Tensor hits = none.index_add(0, text, loss.hits.to(at::kDouble));
    nn::Flow result("texts", at::stack({losses.detach(), learned, hits}, 1).to(at::kFloat));
    result["loss"] = loss.sum;
    result["losses"] = losses;
    return result;
  }

  at::Tensor tied_logits(const at::Tensor& x, const nn::Context& context) const {
    if (nn::CostMeter* meter = nn::CostMeter::active()) {
      meter->add({context.block,
                  2.0 * static_cast<double>(x.numel()) * static_cast<double>(head_.vocabulary)});
    }
    return at::linear(x, nn::cast_like(tied_->weight(), x));
  }

  NextTokenHead head_;
  FinishRows norm_;
  nn::Embedding* tied_;
  std::unique_ptr<nn::Linear> output_;
};

}  // namespace

TowerEnd decoder_end(Model& model, const NextTokenHead& head) {
  if (model.task() == Task::next_token) return {std::nullopt, false, {}};
  const nn::Scope scope(model.registry(), head.norm_path, model.size());
  return {pooling_of(model.config(), Pooling::last), true, head.norm(scope)};
}

void add_decoder_head(Model& model, int64_t classes, const NextTokenHead& head,
                      nn::Embedding* tied) {
  if (model.task() == Task::classes) {
    add_classifier(model, "score", head.width, classes, 0, false);
    return;
  }
  const nn::Scope norm(model.registry(), head.norm_path, model.size());
  model.add<NextToken>("head", Span::head, "lm_head", head, norm, tied);
}

}  // namespace graft::models
