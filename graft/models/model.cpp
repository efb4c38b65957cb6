#include "graft/models/model.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::models {

int Model::head() const {
  for (int i = 0; i < size(); ++i) {
    if (block_span(i) == Span::head) return i;
  }
  return size();
}

nn::Flow Model::forward(nn::Flow flow, nn::Context& context, int from, int to) {
  if (to < 0) to = size();
  const nn::ContextGuard guard(context);
  for (int i = from; i < to; ++i) {
    context.block = i;
    if (i == 0 && flow.has("pixels")) {
      at::Tensor& pixels = flow["pixels"];
      pixels = pixels.to(precision_);
    }
    if (block_span(i) == Span::head && flow.has("features")) {
      at::Tensor& features = flow["features"];
      // Classes are told apart in float32 at least.
      if (at::isReducedFloatingType(features.scalar_type())) features = features.to(at::kFloat);
    }
    // What is to be learned of each token travels beside the tokens up to the head.
    const at::Tensor targets = flow.has("targets") ? flow.at("targets") : at::Tensor();
    flow = links_[static_cast<size_t>(i)].block->forward(std::move(flow), context);
    if (targets.defined() && block_span(i) != Span::head) flow["targets"] = targets;
    if (i == 0 && flow.has("lengths")) {
      at::Tensor& x = flow["x"];
      x = x.to(precision_);
    }
  }
  return flow;
}

void Model::set_classes(std::vector<std::string> classes) {
  classes_ = std::move(classes);
  Json id2label = Json::object();
  Json label2id = Json::object();
  for (size_t i = 0; i < classes_.size(); ++i) {
    id2label[std::to_string(i)] = classes_[i];
    label2id[classes_[i]] = i;
  }
  config_["id2label"] = id2label;
  config_["label2id"] = label2id;
  config_.erase("num_labels");
  if (problem() == Target::regression) config_["num_labels"] = classes_.size();
}

const char* problem_name(Target target) {
  switch (target) {
    case Target::regression:
      return "regression";
    case Target::multi_label:
      return "multi_label_classification";
    case Target::next_token:
    case Target::preference:
      return "next_token";
    case Target::single_label:
      break;
  }
  return "single_label_classification";
}

Target Model::problem() const {
  if (task_ == Task::next_token) return Target::next_token;
  if (!config_.is_object() || !config_.contains("problem_type")) return Target::single_label;
  for (const Target target : {Target::multi_label, Target::regression}) {
    if (config_["problem_type"] == problem_name(target)) return target;
  }
  return Target::single_label;
}

void Model::set_problem(Target target) {
  // transformers writes the usual one only where somebody asked for it.
  if (target == problem()) return;
  config_["problem_type"] = problem_name(target);
  config_.erase("num_labels");
  if (target == Target::regression) config_["num_labels"] = classes_.size();
}

void Model::to(at::Device device) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : registry_.parameters) {
    const bool trained = parameter.value->requires_grad();
    *parameter.value = parameter.value->detach().to(device);
    parameter.value->set_requires_grad(trained);
  }
  for (nn::LinearGroup* group : registry_.groups) group->repack();
}

at::Device Model::device() const {
  return registry_.parameters.empty() ? at::Device(at::kCPU)
                                      : registry_.parameters.front().value->device();
}

int64_t Model::parameter_count() const {
  int64_t count = 0;
  for (const auto& p : registry_.parameters) {
    if (!p.is_buffer()) count += p.value->numel();
  }
  return count;
}

int64_t Model::parameter_bytes() const {
  int64_t bytes = 0;
  for (const auto& p : registry_.parameters) bytes += static_cast<int64_t>(p.value->nbytes());
  return bytes;
}

}  // namespace graft::models
