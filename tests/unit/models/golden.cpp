#include "tests/unit/models/golden.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <cmath>

#include "graft/io/safetensors.h"
#include "graft/nn/norm.h"
#include "tests/support/support.h"

namespace graft::models::test {

std::filesystem::path golden_folder() {
  return graft::test::source_dir() / "tests" / "golden" / "models";
}

Golden::Golden(const std::string& name) {
  tensors = io::SafetensorsReader(golden_folder() / name / "golden.safetensors").all();
}

LoadedModel load_golden(const std::string& name, const Json& overrides) {
  ModelSource source;
  source.path = (golden_folder() / name).string();
  source.config = overrides;
  return load_model(source);
}

std::filesystem::path text_golden_folder() {
  return graft::test::source_dir() / "tests" / "golden" / "text_models";
}

nn::Flow text_flow(const io::TensorMap& golden, const std::string& prefix) {
  const at::Tensor mask = golden.at(prefix + "attention_mask").to(at::kBool);
  nn::Flow flow("ids", golden.at(prefix + "input_ids").masked_select(mask));
  flow["lengths"] = mask.sum(1);
  if (const at::Tensor* types = golden.find(prefix + "token_type_ids"))
    flow["types"] = types->masked_select(mask);
  return flow;
}

at::Tensor logits(Model& model, const at::Tensor& pixels, bool training) {
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(training);
  nn::Context context;
  context.training = training;
  return model.forward(nn::Flow("pixels", pixels), context).at("logits");
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor expected = b.detach().to(at::kDouble);
  const double size = expected.norm().item<double>();
  return (a.detach().to(at::kDouble) - expected).norm().item<double>() / std::max(size, 1e-12);
}

void to_double(Model& model) {
  for (auto& p : model.registry().parameters) {
    if (p.value->is_floating_point()) *p.value = p.value->detach().to(at::kDouble);
  }
  for (nn::LinearGroup* group : model.registry().groups) group->repack();
  model.set_precision(at::kDouble);
}

OneThread::OneThread() : before_(at::get_num_threads()) {
  at::set_num_threads(1);
}

OneThread::~OneThread() {
  at::set_num_threads(before_);
}

void set_trained(Model& model, bool trained) {
  for (auto& p : model.registry().parameters) {
    if (!p.is_buffer()) p.value->set_requires_grad(trained);
  }
}

void AdamW::step(double share) {
  const at::NoGradGuard no_grad;
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8, kDecay = 0.01;
  const double rate = rate_ * share;
  ++steps_;
  const double correction1 = 1 - std::pow(kBeta1, static_cast<double>(steps_));
  const double correction2 = std::sqrt(1 - std::pow(kBeta2, static_cast<double>(steps_)));
  for (auto& p : model_.registry().parameters) {
    at::Tensor& gradient = p.value->mutable_grad();
    if (!gradient.defined()) continue;
    Moments& m = moments_[p.name];
    if (!m.first.defined()) {
      m.first = at::zeros_like(*p.value);
      m.second = at::zeros_like(*p.value);
    }
    if (p.value->dim() > 1) p.value->mul_(1 - rate * kDecay);
    m.first.lerp_(gradient, 1 - kBeta1);
    m.second.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    p.value->addcdiv_(m.first, m.second.sqrt().div_(correction2).add_(kEps), -rate / correction1);
    gradient.reset();
  }
}

}  // namespace graft::models::test
