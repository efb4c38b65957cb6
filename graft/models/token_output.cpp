#include "graft/models/token_output.h"

#include <torch/types.h>

#include "graft/nn/output_loss.h"

namespace graft::models {
namespace {

class TokenOutputBlock final : public Block {
 public:
  TokenOutputBlock(const nn::Scope& scope, const TokenOutput& o, FinishRows rows)
      : rows_(std::move(rows)),
        output_(o.tied
                    ? std::make_unique<nn::Linear>(scope / o.tied_path, *o.tied, o.bias)
                    : std::make_unique<nn::Linear>(scope / o.path, o.width, o.vocabulary, o.bias)),
        logit_cap_(o.logit_cap) {}

  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    if (flow.has("targets")) return losses(flow, context);
    at::Tensor logits = (*output_)(rows_(flow.at("x")));
    if (at::isReducedFloatingType(logits.scalar_type())) logits = logits.to(at::kFloat);
    if (logit_cap_ > 0) logits = (logits / logit_cap_).tanh() * logit_cap_;
    nn::Flow result("logits", std::move(logits));
    result["lengths"] = flow.at("lengths");
    return result;
  }

 private:
  nn::Flow losses(const nn::Flow& flow, const nn::Context& context) const {
    const at::Tensor& targets = flow.at("targets");
    const at::Tensor rows = targets.ge(0).nonzero().squeeze(1);
    const at::Tensor wanted = targets.index_select(0, rows);
    const at::Tensor x = rows_(flow.at("x").index_select(0, rows));
    const nn::TokenLoss loss = nn::output_loss(*output_, x, wanted, logit_cap_, context);

    const at::Tensor& lengths = flow.at("lengths");
    const at::Tensor text = at::repeat_interleave(lengths.to(rows.device())).index_select(0, rows);
    const at::Tensor none =
        at::zeros({lengths.size(0)}, at::TensorOptions(rows.device()).dtype(at::kDouble));
    const auto by_text = [&](const at::Tensor& of_rows) {
      const at::Tensor sums = none.index_add(0, text, of_rows);
      return flow.has("ends") ? sums.index_select(0, flow.at("ends")) : sums;
    };
    const at::Tensor losses = by_text(loss.losses.to(at::kDouble));
    const at::Tensor learned = by_text(at::ones_like(text, at::kDouble));
    const at::Tensor hits = by_text(loss.hits.to(at::kDouble));
    nn::Flow result("texts", at::stack({losses.detach(), learned, hits}, 1).to(at::kFloat));
    result["loss"] = loss.sum;
    result["losses"] = losses;
    return result;
  }

  FinishRows rows_;
  std::unique_ptr<nn::Linear> output_;
  double logit_cap_;
};

}  // namespace

void add_token_output(Model& model, const TokenOutput& output, FinishRows rows) {
  model.add<TokenOutputBlock>("head", Span::head, "", output, std::move(rows));
  const bool tied = output.tied != nullptr;
  model.set_output({output.path + ".weight",
                    tied ? output.tied->site().path + ".weight" : std::string(),
                    tied ? output.tied_path : output.path});
}

}  // namespace graft::models
