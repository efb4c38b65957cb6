#include <torch/types.h>

#include "graft/train/job.h"
#include "graft/train/language_objective.h"
#include "graft/train/text_losses.h"

namespace graft::train::objective {
namespace {

class NextToken final : public LanguageObjective {
 public:
  Target target() const override { return Target::next_token; }
  std::string fact() const override { return "texts are continued"; }
  std::vector<std::string> losses() const override { return {"cross-entropy"}; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"perplexity", "how sure the model is of the next token"};
  }
  /// They come with the tokens, and the head has taken the losses.
  LossValue loss(const nn::Flow& result, const at::Tensor& /*targets*/,
                 const LossOptions& /*options*/) const override {
    return text_losses(result);
  }
  std::unique_ptr<Evaluation> evaluation(const Job& /*job*/,
                                         const data::View& view) const override {
    return std::make_unique<TextLosses>(target(), view);
  }
};

}  // namespace

std::unique_ptr<Objective> next_token() {
  return std::make_unique<NextToken>();
}

}  // namespace graft::train::objective
