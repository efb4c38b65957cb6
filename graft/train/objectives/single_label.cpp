#include <torch/types.h>

#include "graft/train/class_objective.h"
#include "graft/train/job.h"

namespace graft::train::objective {
namespace {

constexpr double kUneven = 3;  // largest class to smallest, from which the share of all misleads

class SingleLabel final : public ClassObjective {
 public:
  Target target() const override { return Target::single_label; }
  std::string fact() const override { return "every sample has one class"; }
  std::string ability() const override { return "tells classes apart"; }
  Choice metric(const ClassSizes& sizes) const override {
    const double imbalance = static_cast<double>(sizes.largest) /
                             static_cast<double>(std::max<int64_t>(1, sizes.smallest));
    if (imbalance <= kUneven) return {"accuracy", "classes are of similar size"};
    return {"balanced_accuracy",
            fmt::format("the largest class has {:.1f} x the samples of the smallest", imbalance)};
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    at::Tensor labels = at::empty({static_cast<int64_t>(positions.size())}, at::kLong);
    auto* out = labels.data_ptr<int64_t>();
    for (const int64_t position : positions) *out++ = view.label(position);
    return labels.to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::zeros({samples}, at::TensorOptions(job.model().device()).dtype(at::kLong));
  }

 protected:
  at::Tensor says(const at::Tensor& logits) const override { return at::softmax(logits, 1); }
  at::Tensor plain_loss(const at::Tensor& logits, const at::Tensor& hot) const override {
    return -(hot * at::log_softmax(logits, 1)).sum(1);
  }
};

}  // namespace

std::unique_ptr<Objective> single_label() {
  return std::make_unique<SingleLabel>();
}

}  // namespace graft::train::objective
