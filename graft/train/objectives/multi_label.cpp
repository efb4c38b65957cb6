#include <torch/types.h>

#include "graft/train/class_objective.h"
#include "graft/train/job.h"

namespace graft::train::objective {
namespace {

class MultiLabel final : public ClassObjective {
 public:
  Target target() const override { return Target::multi_label; }
  std::string fact() const override { return "samples may have several labels"; }
  std::string ability() const override { return "tells which of several labels a sample has"; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"mean_average_precision", fact()};
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    at::Tensor hot = at::zeros({static_cast<int64_t>(positions.size()),
                                static_cast<int64_t>(job.model().classes().size())});
    auto rows = hot.accessor<float, 2>();
    for (size_t i = 0; i < positions.size(); ++i) {
      for (const int label : view.sample(positions[i]).labels)
        rows[static_cast<int64_t>(i)][label] = 1;
    }
    return hot.to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::zeros({samples, static_cast<int64_t>(job.model().classes().size())},
                     job.model().device());
  }

 protected:
  at::Tensor says(const at::Tensor& logits) const override { return logits.sigmoid(); }
  at::Tensor plain_loss(const at::Tensor& logits, const at::Tensor& hot) const override {
    return at::binary_cross_entropy_with_logits(logits, hot, {}, {}, at::Reduction::None).mean(1);
  }
};

}  // namespace

std::unique_ptr<Objective> multi_label() {
  return std::make_unique<MultiLabel>();
}

}  // namespace graft::train::objective
