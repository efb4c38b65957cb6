#include <torch/types.h>

#include <cmath>
#include <numbers>

#include "graft/base/error.h"
#include "graft/train/loss.h"
#include "graft/train/moving_average.h"
#include "graft/train/optimizer.h"
#include "graft/train/schedule.h"
#include "tests/contract_training/fixture.h"

/// Schedules, losses, optimizers, clipping and averages against their formulas.
namespace graft::contract {
namespace {

TEST(Schedule, Factors) {
  using train::schedule_factor;
  EXPECT_DOUBLE_EQ(schedule_factor("constant", 0, 0), 1);
  EXPECT_DOUBLE_EQ(schedule_factor("constant", 1, 0), 1);
  EXPECT_DOUBLE_EQ(schedule_factor("constant", 0.05, 0.1), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 0, 0), 1);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 0.25, 0), 0.75);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 1, 0.1), 0);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 0.55, 0.1), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 0.1, 0.1), 1);
  EXPECT_NEAR(schedule_factor("cosine", 0.25, 0), (1 + std::cos(std::numbers::pi / 4)) / 2, 1e-15);
  EXPECT_NEAR(schedule_factor("cosine", 1, 0.2), 0, 1e-15);
  EXPECT_NEAR(schedule_factor("cosine", 0.6, 0.2), 0.5, 1e-15);
  EXPECT_NEAR(schedule_factor("one-cycle", 0, 0), 0.04, 1e-15);
  EXPECT_NEAR(schedule_factor("one-cycle", 0.3, 0), 1, 1e-15);
  EXPECT_NEAR(schedule_factor("one-cycle", 0.15, 0), 0.52, 1e-15);
  EXPECT_NEAR(schedule_factor("one-cycle", 1, 0), 1e-4, 1e-15);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 7, 0), 0) << "progress beyond the budget";
}

/// Log-probabilities and probabilities in float64, by hand.
struct Hand {
  explicit Hand(const at::Tensor& logits)
      : p((logits.to(at::kDouble) - at::amax(logits.to(at::kDouble), {1}, true)).exp()) {
    p = p / p.sum(1, true);
  }
  at::Tensor p;
};

class Losses : public ::testing::Test {
 protected:
  at::Tensor logits =
      at::tensor({2.0, -1.0, 0.5, 0.0, 3.0, -2.0, 1.0, 1.0, 1.0, -4.0, 0.3, 2.2}, at::kFloat)
          .reshape({4, 3});
  at::Tensor labels = at::tensor({0, 1, 2, 0}, at::kLong);
  at::Tensor weights = at::tensor({1.0, 0.5, 3.0}, at::kFloat);
  at::Tensor hot() const { return at::one_hot(labels, 3).to(at::kDouble); }
  static double value(const train::LossValue& loss) {
    return loss.sum.item<double>() / loss.weight;
  }
};

TEST_F(Losses, CrossEntropy) {
  const Hand hand(logits);
  EXPECT_NEAR(value(train::compute_loss(logits, labels, {})),
              -(hot() * hand.p.log()).sum().item<double>() / 4, 1e-6);
}

TEST_F(Losses, ClassWeightsAreNormalisedByTheirSum) {
  const Hand hand(logits);
  train::LossOptions o;
  o.class_weights = weights;
  const at::Tensor w = weights.to(at::kDouble).index_select(0, labels);
  const double expected =
      -((hot() * hand.p.log()).sum(1) * w).sum().item<double>() / w.sum().item<double>();
  EXPECT_NEAR(value(train::compute_loss(logits, labels, o)), expected, 1e-6);
  EXPECT_DOUBLE_EQ(train::compute_loss(logits, labels, o).weight, 1 + 0.5 + 3 + 1);
}

TEST_F(Losses, LabelSmoothing) {
  const Hand hand(logits);
  train::LossOptions o;
  o.label_smoothing = 0.2;
  const at::Tensor soft = hot() * 0.8 + 0.2 / 3;
  EXPECT_NEAR(value(train::compute_loss(logits, labels, o)),
              -(soft * hand.p.log()).sum().item<double>() / 4, 1e-6);
}

TEST_F(Losses, Focal) {
  const Hand hand(logits);
  for (const double gamma : {0.0, 0.5, 2.0, 5.0}) {
    train::LossOptions o;
    o.kind = "focal";
    o.focal_gamma = gamma;
    const double expected =
        -(hot() * (1 - hand.p).pow(gamma) * hand.p.log()).sum().item<double>() / 4;
    EXPECT_NEAR(value(train::compute_loss(logits, labels, o)), expected, 1e-6) << gamma;
  }
}

TEST_F(Losses, FocalHasAFiniteGradientWhereTheModelIsSure) {
  for (const bool multi : {false, true}) {
    for (const double gamma : {0.0, 0.3, 1.0, 2.0}) {
      at::Tensor sure =
          at::tensor({60.0, -60.0, 0.0, -50.0, 70.0, 1.0}, at::kFloat).reshape({2, 3});
      sure.set_requires_grad(true);
      train::LossOptions o;
      o.kind = "focal";
      o.focal_gamma = gamma;
      o.multi_label = multi;
      const at::Tensor targets = multi ? at::tensor({1.f, 0.f, 1.f, 0.f, 1.f, 0.f}).reshape({2, 3})
                                       : at::tensor({0, 1}, at::kLong);
      train::compute_loss(sure, targets, o).sum.backward();
      EXPECT_TRUE(sure.grad().isfinite().all().item<bool>()) << multi << " " << gamma << "\n"
                                                             << sure.grad();
    }
  }
}

TEST_F(Losses, MixedTargets) {
  const Hand hand(logits);
  const at::Tensor mixed =
      at::tensor({0.7, 0.3, 0.0, 0.0, 1.0, 0.0, 0.2, 0.2, 0.6, 0.5, 0.0, 0.5}, at::kFloat)
          .reshape({4, 3});
  EXPECT_NEAR(value(train::compute_loss(logits, mixed, {})),
              -(mixed.to(at::kDouble) * hand.p.log()).sum().item<double>() / 4, 1e-6);
  train::LossOptions o;
  o.class_weights = weights;
  const at::Tensor w = mixed.to(at::kDouble).mv(weights.to(at::kDouble));
  const double expected =
      -((mixed.to(at::kDouble) * hand.p.log()).sum(1) * w).sum().item<double>() /
      w.sum().item<double>();
  EXPECT_NEAR(value(train::compute_loss(logits, mixed, o)), expected, 1e-6);
}

TEST_F(Losses, MultiLabel) {
  const at::Tensor targets =
      at::tensor({1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0}, at::kFloat).reshape({4, 3});
  const at::Tensor x = logits.to(at::kDouble);
  const at::Tensor t = targets.to(at::kDouble);
  const at::Tensor p = 1 / (1 + (-x).exp());
  const at::Tensor each = -(t * p.log() + (1 - t) * (1 - p).log());
  train::LossOptions o;
  o.multi_label = true;
  EXPECT_NEAR(value(train::compute_loss(logits, targets, o)), each.mean().item<double>(), 1e-6);
  o.class_weights = weights;
  EXPECT_NEAR(value(train::compute_loss(logits, targets, o)),
              (each * weights.to(at::kDouble)).mean().item<double>(), 1e-6);
  o.class_weights = at::Tensor();
  o.kind = "focal";
  const at::Tensor wrong = t * (1 - p) + (1 - t) * p;
  EXPECT_NEAR(value(train::compute_loss(logits, targets, o)),
              (each * wrong.square()).mean().item<double>(), 1e-6);
  o.kind = "cross-entropy";
  o.label_smoothing = 0.2;
  const at::Tensor soft = t * 0.8 + 0.1;
  EXPECT_NEAR(value(train::compute_loss(logits, targets, o)),
              -(soft * p.log() + (1 - soft) * (1 - p).log()).mean().item<double>(), 1e-6);
}

TEST(ClassWeights, BalancedAndByName) {
  const std::vector<std::string> classes = {"a", "b", "c"};
  const at::Tensor balanced = train::make_class_weights("balanced", classes, {10, 30, 20});
  EXPECT_TRUE(at::allclose(balanced, at::tensor({2.0, 60.0 / 90, 1.0}, at::kFloat)));
  const at::Tensor named = train::make_class_weights(Json{{"b", 4}}, classes, {1, 1, 1});
  EXPECT_TRUE(at::equal(named, at::tensor({1.0, 4.0, 1.0}, at::kFloat)));
  EXPECT_GRAFT_ERROR(train::make_class_weights(Json{{"d", 4}}, classes, {1, 1, 1}),
                     ErrorCode::usage, "no class 'd'");
  EXPECT_GRAFT_ERROR(train::make_class_weights(Json{{"a", -1}}, classes, {1, 1, 1}),
                     ErrorCode::usage, "at least 0");
  EXPECT_GRAFT_ERROR(train::make_class_weights(Json("even"), classes, {1, 1, 1}), ErrorCode::usage,
                     "balanced");
}

/// Three tensors with gradients that change by step; one of them only at even steps.
class Optimizers : public ::testing::Test {
 protected:
  Optimizers() {
    values = {at::linspace(-1, 1, 35).reshape({5, 7}).contiguous(),
              at::linspace(0.5, -0.5, 24)
                  .reshape({2, 3, 2, 2})
                  .contiguous(at::MemoryFormat::ChannelsLast),
              at::linspace(-2, 2, 9).contiguous()};
    for (size_t i = 0; i < values.size(); ++i) {
      tensors.push_back(
          {"t" + std::to_string(i), &values[i], static_cast<int>(i), i != 2, i == 2, false});
      reference.push_back(values[i].to(at::kDouble));
    }
  }
  static at::Tensor gradient(size_t i, int step, const at::Tensor& like) {
    return (at::linspace(-1, 1, like.numel()).reshape(like.sizes()) *
                (0.3 + static_cast<double>(i)) +
            std::sin(1.0 + step)) *
           0.1;
  }
  static bool due(size_t i, int step) { return i != 1 || step % 2 == 0; }
  void set_gradients(int step) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i].mutable_grad() = at::Tensor();
      if (due(i, step)) {
        values[i].mutable_grad() = at::empty_like(values[i]).copy_(gradient(i, step, values[i]));
      }
    }
  }
  static double rate(size_t i, int step) {
    return 0.05 / (1 + static_cast<double>(i)) / (1 + step);
  }
  void step_optimizer(train::Optimizer& optimizer, int step) {
    set_gradients(step);
    optimizer.step(tensors, [&](const train::TrainedTensor& t) {
      return rate(static_cast<size_t>(t.block), step);
    });
  }
  void expect_close() {
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_LT((values[i].to(at::kDouble) - reference[i]).abs().max().item<double>(), 2e-6) << i;
    }
  }
  std::vector<at::Tensor> values, reference;
  std::vector<train::TrainedTensor> tensors;
};

TEST_F(Optimizers, AdamWWithItsOwnCountForEachTensor) {
  const train::OptimizerOptions o{
      .kind = "adamw", .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1};
  train::Optimizer optimizer(o);
  std::vector<at::Tensor> m(3), v(3);
  std::vector<int> count(3, 0);
  for (int step = 0; step < 9; ++step) {
    step_optimizer(optimizer, step);
    for (size_t i = 0; i < 3; ++i) {
      if (!due(i, step)) continue;
      const at::Tensor g = gradient(i, step, values[i]).to(at::kDouble);
      if (!m[i].defined()) m[i] = v[i] = at::zeros_like(g);
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
      ++count[i];
      const double lr = rate(i, step);
      if (tensors[i].decays) reference[i] = reference[i] * (1 - lr * o.weight_decay);
      const at::Tensor mean = m[i] / (1 - std::pow(o.beta1, count[i]));
      const at::Tensor root = (v[i] / (1 - std::pow(o.beta2, count[i]))).sqrt();
      reference[i] = reference[i] - lr * mean / (root + o.eps);
    }
  }
  expect_close();
}

TEST_F(Optimizers, SgdWithMomentumAndCoupledDecay) {
  for (const double momentum : {0.0, 0.9}) {
    const train::OptimizerOptions o{.kind = "sgd", .momentum = momentum, .weight_decay = 0.1};
    train::Optimizer optimizer(o);
    std::vector<at::Tensor> buffer(3);
    for (int step = 0; step < 9; ++step) {
      step_optimizer(optimizer, step);
      for (size_t i = 0; i < 3; ++i) {
        if (!due(i, step)) continue;
        at::Tensor g = gradient(i, step, values[i]).to(at::kDouble);
        if (tensors[i].decays) g = g + o.weight_decay * reference[i];
        buffer[i] = buffer[i].defined() ? momentum * buffer[i] + g : g;
        reference[i] = reference[i] - rate(i, step) * buffer[i];
      }
    }
    expect_close();
  }
}

TEST_F(Optimizers, StateComesBackBitForBit) {
  for (const char* kind : {"adamw", "sgd"}) {
    train::Optimizer first({.kind = kind});
    for (int step = 0; step < 3; ++step) step_optimizer(first, step);
    std::vector<at::Tensor> kept;
    kept.reserve(values.size());
    for (const auto& value : values) kept.push_back(value.clone());
    train::Optimizer second({.kind = kind});
    second.load_state(first.state());
    for (int step = 3; step < 6; ++step) step_optimizer(first, step);
    std::vector<at::Tensor> expected;
    for (size_t i = 0; i < 3; ++i) {
      expected.push_back(values[i].clone());
      values[i].copy_(kept[i]);
    }
    for (int step = 3; step < 6; ++step) step_optimizer(second, step);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(same_bytes(expected[i], values[i])) << kind << " " << i;
  }
}

TEST_F(Optimizers, StateOfContiguousFourDimensionalTensorsComesBackToo) {
  values[1] = values[1].contiguous();
  ASSERT_FALSE(values[1].is_contiguous(at::MemoryFormat::ChannelsLast));
  train::Optimizer first({.kind = "adamw"});
  for (int step = 0; step < 3; ++step) step_optimizer(first, step);
  const at::Tensor kept = values[1].clone();
  train::Optimizer second({.kind = "adamw"});
  second.load_state(first.state());
  step_optimizer(first, 4);
  const at::Tensor expected = values[1].clone();
  values[1].copy_(kept);
  step_optimizer(second, 4);
  EXPECT_TRUE(same_bytes(expected, values[1]));
}

/// Folded norms and feature caches go by the version of a tensor.
TEST_F(Optimizers, AStepCountsAsWriting) {
  for (const char* kind : {"adamw", "sgd"}) {
    train::Optimizer optimizer({.kind = kind});
    const auto before = values[0]._version();
    const auto not_due = values[1]._version();
    step_optimizer(optimizer, 1);
    EXPECT_GT(values[0]._version(), before) << kind;
    EXPECT_EQ(values[1]._version(), not_due) << kind;
  }
}

TEST_F(Optimizers, ForgetsWhatNoLongerTrains) {
  train::Optimizer optimizer({.kind = "adamw"});
  step_optimizer(optimizer, 0);
  optimizer.keep_only({tensors[0]});
  EXPECT_TRUE(optimizer.state().contains("optimizer.t0.first"));
  EXPECT_FALSE(optimizer.state().contains("optimizer.t1.first"));
}

TEST_F(Optimizers, ClippingScalesTheCommonNorm) {
  set_gradients(0);
  double squares = 0;
  for (size_t i = 0; i < 3; ++i) squares += gradient(i, 0, values[i]).square().sum().item<double>();
  const double norm = std::sqrt(squares);
  EXPECT_NEAR(train::gradient_norm(tensors), norm, 1e-6);
  EXPECT_EQ(train::clip_factor(norm, 0), 1);
  EXPECT_EQ(train::clip_factor(norm, 2 * norm), 1) << "below the limit";
  EXPECT_NEAR(train::clip_factor(norm, norm / 4), 0.25, 1e-6);
}

TEST_F(Optimizers, AFactorScalesTheGradientsOnTheWay) {
  for (const char* kind : {"adamw", "sgd"}) {
    std::vector<at::Tensor> begin, plain;
    for (const auto& value : values) begin.push_back(value.detach().clone());
    const auto rate_of = [](const train::TrainedTensor&) { return 0.1; };
    train::Optimizer first({.kind = kind, .weight_decay = 0});
    set_gradients(0);
    for (auto& value : values) {
      if (value.grad().defined()) value.mutable_grad().mul_(0.125);
    }
    first.step(tensors, rate_of);
    for (size_t i = 0; i < values.size(); ++i) {
      plain.push_back(values[i].detach().clone());
      values[i].detach().copy_(begin[i]);
    }
    train::Optimizer second({.kind = kind, .weight_decay = 0});
    set_gradients(0);
    second.step(tensors, rate_of, 0.125);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_LT((values[i] - plain[i]).abs().max().item<double>(), 1e-7) << kind;
      EXPECT_GT((values[0] - begin[0]).abs().max().item<double>(), 1e-4) << kind;
    }
  }
}

TEST_F(Optimizers, MovingAverage) {
  train::MovingAverage average(0.9);
  std::vector<at::Tensor> expected(3);
  for (int step = 0; step < 30; ++step) {
    for (size_t i = 0; i < 3; ++i) values[i].copy_(gradient(i, step, values[i]));
    average.update(tensors, step);
    const double decay = std::min(0.9, (1.0 + step) / (10.0 + step));
    for (size_t i = 0; i < 3; ++i) {
      const at::Tensor now = values[i].to(at::kDouble);
      expected[i] = expected[i].defined() ? decay * expected[i] + (1 - decay) * now : now;
    }
  }
  const at::Tensor raw = values[1].clone();
  average.swap(tensors);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_LT((values[i].to(at::kDouble) - expected[i]).abs().max().item<double>(), 1e-6);
  }
  average.swap(tensors);
  EXPECT_TRUE(same_bytes(values[1], raw));
}

/// How far each tensor of ViT moves in the second update of plain SGD: its rate times its gradient.
/// (In the first one a new head, which is zero, lets no gradient through.)
std::map<std::string, at::Tensor> second_move(const Json& patch, train::Job* job_out = nullptr) {
  const test::ScratchDir scratch;
  Json config =
      with(config_of("vit", scratch / "run"), {{"budget", {{"epochs", nullptr}, {"steps", 2}}},
                                               {"train",
                                                {{"optimizer", "sgd"},
                                                 {"momentum", 0},
                                                 {"weight_decay", 0},
                                                 {"clip", 0},
                                                 {"schedule", "constant"},
                                                 {"keep", "last"},
                                                 {"eval_every", 100}}}});
  train::Job job = open(with(config, patch));
  std::map<std::string, at::Tensor> before, after;
  Watcher watcher;
  watcher.step = [&](const train::StepEvent& e) {
    (e.step == 1 ? before : after) = snapshot(job.model());
  };
  run(job, {&watcher});
  for (auto& [name, value] : after) value = value - before.at(name);
  if (job_out) *job_out = std::move(job);
  return after;
}

TEST(Rates, LayerDecayAndHeadRate) {
  train::Job job;
  const auto plain = second_move({{"train", {{"lr", 0}, {"head_lr", 0.5}}}}, &job);
  // The first update moves only the head (a new one is zero), the same in all three runs.
  const auto even = second_move({{"train", {{"lr", 0.1}, {"head_lr", 0.5}}}});
  const auto decayed =
      second_move({{"train", {{"lr", 0.1}, {"head_lr", 0.5}, {"layer_decay", 0.5}}}});
  const int head = job.model().head();
  for (const auto& p : job.model().registry().parameters) {
    if (p.block == head) {
      EXPECT_TRUE(at::allclose(plain.at(p.name), decayed.at(p.name), 1e-4, 1e-7)) << p.name;
      continue;
    }
    EXPECT_EQ(plain.at(p.name).abs().max().item<double>(), 0) << p.name;
    const double factor = std::pow(0.5, head - 1 - p.block);
    EXPECT_TRUE(at::allclose(even.at(p.name) * factor, decayed.at(p.name), 1e-3, 1e-7)) << p.name;
  }
}

TEST(Rates, ClippingBoundsTheStep) {
  const auto moved = second_move({{"train", {{"lr", 1}, {"head_lr", 1}, {"clip", 0.01}}}});
  double squares = 0;
  for (const auto& [name, value] : moved)
    squares += value.to(at::kDouble).square().sum().item<double>();
  EXPECT_NEAR(std::sqrt(squares), 0.01, 1e-4);
}

/// The whole loop: ten steps of the head by AdamW equal AdamW written out.
TEST(Rates, AHeadTrainsAsAdamWSaysItShould) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(config_of("vit", scratch / "run"), {{"strategy", "head"},
                                               {"budget", {{"epochs", 10}}},
                                               {"train",
                                                {{"batch", 30},
                                                 {"clip", 0},
                                                 {"keep", "last"},
                                                 {"eval_every", 100},
                                                 {"class_weights", {{"ash", 2.0}, {"birch", 0.5}}},
                                                 {"schedule", "cosine"},
                                                 {"warmup", 0.2}}}}));
  at::Tensor x, y, weights;
  {
    const at::NoGradGuard no_grad;
    x = features_of(job.model(), job.data.train).to(at::kDouble);
    const auto labels = job.data.train.labels();
    y = at::one_hot(at::tensor(std::vector<int64_t>(labels.begin(), labels.end()), at::kLong), 3)
            .to(at::kDouble);
    // Classes that weigh differently, so that the bias has a gradient of more than rounding.
    weights = y.matmul(at::tensor({2.0, 0.5, 1.0}, at::kDouble)).unsqueeze(1);
    weights = weights / weights.sum();
  }
  at::Tensor w = job.model().classifier().weight().detach().to(at::kCPU, at::kDouble);
  at::Tensor b = job.model().classifier().bias().detach().to(at::kCPU, at::kDouble);
  run(job);
  at::Tensor mw = at::zeros_like(w), vw = mw.clone(), mb = at::zeros_like(b), vb = mb.clone();
  for (int t = 1; t <= 10; ++t) {
    const at::Tensor error = (at::softmax(at::linear(x, w, b), 1) - y) * weights;
    const at::Tensor gw = error.t().mm(x), gb = error.sum(0);
    const double lr = 0.01 * train::schedule_factor("cosine", (t - 1) / 10.0, 0.2);
    const auto move = [&](at::Tensor& p, const at::Tensor& g, at::Tensor& m, at::Tensor& v,
                          double decay) {
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      p = p * (1 - lr * decay) -
          lr * (m / (1 - std::pow(0.9, t))) / ((v / (1 - std::pow(0.999, t))).sqrt() + 1e-8);
    };
    move(w, gw, mw, vw, 0.01);
    move(b, gb, mb, vb, 0);
  }
  EXPECT_LT(
      (job.model().classifier().weight().to(at::kCPU, at::kDouble) - w).abs().max().item<double>(),
      1e-5);
  EXPECT_LT(
      (job.model().classifier().bias().to(at::kCPU, at::kDouble) - b).abs().max().item<double>(),
      1e-5);
}

}  // namespace
}  // namespace graft::contract
