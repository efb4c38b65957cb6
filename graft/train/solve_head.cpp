#include "graft/train/solve_head.h"

#include <torch/optim/lbfgs.h>
#include <torch/types.h>

#include <cmath>
#include <optional>

#include "graft/base/error.h"
#include "graft/train/loss.h"

namespace graft::train {
namespace {

constexpr double kKeptFree = 0.7;  // of the time left when the features are there

struct Problem {
  at::Tensor x;        ///< [N, D], standardised, float64
  at::Tensor targets;  ///< int64 [N] or float64 [N, C]
  at::Tensor weights;  ///< [N], mean 1
  int64_t classes;
  bool multi_label;
  bool regression;
};

struct Solution {
  at::Tensor weight, bias;  ///< [C, D], [C]
};

at::Tensor losses(const at::Tensor& logits, const Problem& p) {
  if (p.regression) return (logits - p.targets).square().mean(1);
  if (p.multi_label)
    return at::binary_cross_entropy_with_logits(logits, p.targets, {}, {}, at::Reduction::None)
        .mean(1);
  return -at::log_softmax(logits, 1).gather(1, p.targets.unsqueeze(1)).squeeze(1);
}

Solution logistic(const Problem& p, double lambda, const Solution* start,
                  const Deadline& deadline) {
  const auto n = static_cast<double>(p.x.size(0));
  at::Tensor w = start ? start->weight.clone() : at::zeros({p.classes, p.x.size(1)}, at::kDouble);
  at::Tensor b = start ? start->bias.clone() : at::zeros({p.classes}, at::kDouble);
  w.set_requires_grad(true);
  b.set_requires_grad(true);
  torch::optim::LBFGS optimizer({w, b}, torch::optim::LBFGSOptions(1)
                                            .max_iter(100)
                                            .history_size(10)
                                            .tolerance_grad(1e-5)
                                            .tolerance_change(1e-9)
                                            .line_search_fn("strong_wolfe"));
  const at::AutoGradMode grad(true);
  optimizer.step([&] {
    optimizer.zero_grad();
    at::Tensor loss =
        (losses(at::linear(p.x, w, b), p) * p.weights).mean() + lambda / (2 * n) * w.square().sum();
    // Out of time: a gradient of zero ends the search where it stands.
    if (!deadline.fits(0)) return loss.detach();
    loss.backward();
    return loss;
  });
  return {w.detach(), b.detach()};
}

Solution ridge_solution(const Problem& p, double lambda) {
  const at::Tensor y =
      p.targets.dim() == 2 ? p.targets : at::one_hot(p.targets, p.classes).to(at::kDouble);
  const at::Tensor root = p.weights.sqrt().unsqueeze(1);
  const at::Tensor mean = (y * p.weights.unsqueeze(1)).mean(0);
  const at::Tensor x = p.x * root;
  const at::Tensor t = (y - mean) * root;
  const int64_t n = x.size(0);
  const int64_t d = x.size(1);
  at::Tensor w;
  if (n < d) {  // the smaller of the two equal systems
    const at::Tensor k = x.mm(x.t()) + lambda * at::eye(n, at::kDouble);
    w = x.t().mm(at::linalg_solve(k, t)).t();
  } else {
    const at::Tensor k = x.t().mm(x) + lambda * at::eye(d, at::kDouble);
    w = at::linalg_solve(k, x.t().mm(t)).t();
  }
  return {w.contiguous(), mean};
}

/// The factor on the scores that makes their cross entropy least (golden section on its logarithm).
double best_scale(const at::Tensor& scores, const Problem& p) {
  double low = -2;
  double high = 6;
  const auto value = [&](double t) {
    return losses(scores * std::exp(t), p).mean().item<double>();
  };
  constexpr double kGolden = 0.6180339887498949;
  for (int i = 0; i < 40; ++i) {
    const double a = high - kGolden * (high - low);
    const double b = low + kGolden * (high - low);
    (value(a) < value(b) ? high : low) = value(a) < value(b) ? b : a;
  }
  return std::exp((low + high) / 2);
}

Problem make_problem(Job& job, Reader& reader, const data::View& view,
                     const std::vector<int64_t>& wanted, const Deadline& deadline) {
  models::Model& model = job.model();
  std::vector<int64_t> positions;
  Problem p;
  p.x = reader.forward_some(view, wanted, model.size() - 1, deadline, positions)
            .to(at::kDouble)
            .cpu();
  const at::Tensor broken = p.x.isfinite().all(1).logical_not().nonzero();
  if (broken.numel() > 0) {
    fail_unreadable(
        "the model makes numbers that are not finite of {}, so there is nothing to solve a head "
        "on; its weights may be damaged",
        view.sample(positions[static_cast<size_t>(broken[0].item<int64_t>())]).id);
  }
  p.targets = job.objective().targets(job, view, positions).cpu();
  p.classes = static_cast<int64_t>(model.classes().size());
  p.multi_label = job.data.multi_label();
  p.regression = job.data.regression();
  if (p.targets.dim() == 2) p.targets = p.targets.to(at::kDouble);
  p.weights = at::ones({p.x.size(0)}, at::kDouble);
  if (p.regression) return p;
  const at::Tensor by_class =
      make_class_weights(job.config.values["train"]["class_weights"], model.classes(),
                         job.data.train.class_counts(model.classes().size()));
  if (by_class.defined() && !p.multi_label) {
    p.weights = by_class.to(at::kDouble).index_select(0, p.targets);
    p.weights = p.weights / p.weights.mean();
  }
  return p;
}

}  // namespace

int64_t solve_head(Job& job, Reader& reader, const std::string& solver, double ridge,
                   const Deadline& deadline) {
  models::Model& model = job.model();
  const at::NoGradGuard no_grad;
  Problem train = make_problem(job, reader, job.data.train, reader.first_pass(), deadline);
  if (train.x.size(0) == 0)
    fail(ErrorCode::no_plan, "the time budget ended before the features of one sample were there");
  const at::Tensor mean = train.x.mean(0);
  const at::Tensor std = train.x.std(0, false).clamp_min(1e-6);
  train.x = (train.x - mean) / std;
  std::optional<Problem> validation;
  if (!job.data.validation.empty()) {
    validation = make_problem(job, reader, job.data.validation, reader.spread(job.data.validation),
                              deadline);
    if (validation->x.size(0) == 0)
      validation.reset();
    else
      validation->x = (validation->x - mean) / std;
  }
  // What the features cost is spent; the search may not take what measuring needs.
  const Deadline until = deadline.earlier(kKeptFree * std::max(0.0, deadline.left()));
  // From strong to weak: each solution is a good start for the next.
  const auto n = static_cast<double>(train.x.size(0));
  std::vector<double> factors =
      validation ? std::vector<double>{100, 10, 1, 0.1, 0.01} : std::vector<double>{1};
  Solution best;
  Solution last;
  double least = INFINITY;
  for (const double factor : factors) {
    if (best.weight.defined() && !until.fits(0)) break;
    Solution s;
    if (solver == "logistic") {
      s = logistic(train, ridge * factor, last.weight.defined() ? &last : nullptr, until);
    } else {
      s = ridge_solution(train, ridge * factor * n / 100);
      if (!train.regression) {
        const Problem& judge = validation ? *validation : train;
        const double scale = best_scale(at::linear(judge.x, s.weight, s.bias), judge);
        s.weight = s.weight * scale;
        s.bias = s.bias * scale;
      }
    }
    last = s;
    const Problem& judge = validation ? *validation : train;
    const double loss = losses(at::linear(judge.x, s.weight, s.bias), judge).mean().item<double>();
    if (loss < least) {
      least = loss;
      best = s;
    }
  }
  // Undo the standardisation: w (x - mean) / std + b.
  const at::Tensor weight = best.weight / std;
  model.classifier().weight().copy_(weight.to(at::kFloat));
  model.classifier().bias().copy_((best.bias - weight.mv(mean)).to(at::kFloat));
  return train.x.size(0);
}

}  // namespace graft::train
