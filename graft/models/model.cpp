#include "graft/models/model.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/recompute.h"
#include "graft/nn/seam.h"

namespace graft::models {

int Model::head() const {
  for (int i = 0; i < size(); ++i) {
    if (block_span(i) == Span::head) return i;
  }
  return size();
}

namespace {

/// All that blocks up to one may learn: a tensor that several read belongs to the lowest of them.
std::vector<at::Tensor> learned_up_to(const nn::Registry& registry, int block) {
  std::vector<at::Tensor> learned;
  const auto add = [&](int owner, const at::Tensor& value) {
    if (owner <= block && value.requires_grad()) learned.push_back(value);
  };
  for (const nn::Parameter& p : registry.parameters) add(p.block, *p.value);
  for (const nn::Seam* seam : registry.seams) {
    const int owner = seam->site().block;
    for (const auto& adapter : seam->adapters()) {
      for (const nn::NamedTensor& tensor : adapter->parameters()) add(owner, *tensor.value);
    }
  }
  return learned;
}

/// What is to be learned, and how texts share their beginnings, travels beside what blocks compute,
/// up to who takes the losses.
class Companions {
 public:
  explicit Companions(const nn::Flow& flow) {
    for (const char* name : {"targets", "objects", "sizes", "before", "seen", "ends"}) {
      if (flow.has(name)) kept_.emplace_back(name, flow.at(name));
    }
  }
  void rejoin(nn::Flow& flow) const {
    if (flow.has("losses")) return;
    for (const auto& [name, value] : kept_) flow[name] = value;
  }

 private:
  std::vector<std::pair<std::string, at::Tensor>> kept_;
};

}  // namespace

nn::Flow Model::run(int i, nn::Flow flow, nn::Context& context) {
  Block& block = *links_[static_cast<size_t>(i)].block;
  // What the head keeps is used at once: to make it again would save nothing.
  if (!context.recompute || block_span(i) == Span::head)
    return block.forward(std::move(flow), context);
  return nn::recomputed(
      [&block](nn::Flow in, nn::Context& c) { return block.forward(std::move(in), c); }, flow,
      context, learned_up_to(registry_, i));
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
    const Companions companions(flow);
    flow = run(i, std::move(flow), context);
    companions.rejoin(flow);
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
    case Target::masked_token:
      return "masked_token";
    case Target::token_classes:
      return "token_classification";
    case Target::similarity:
    case Target::retrieval:
      return "similarity";
    case Target::boxes:
      return "object_detection";
    case Target::single_label:
      break;
  }
  return "single_label_classification";
}

bool outputs_a_number(const Json& config, Task task, size_t outputs) {
  return task == Task::classes && outputs == 1 && config.value("problem_type", Json()).is_null();
}

Target Model::problem() const {
  switch (task_) {
    case Task::next_token:
      return Target::next_token;
    case Task::masked_token:
      return Target::masked_token;
    case Task::token_classes:
      return Target::token_classes;
    case Task::boxes:
      return Target::boxes;
    case Task::embedding:
      return Target::similarity;
    case Task::classes:
      break;
  }
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
  bool moved = false;
  const auto move = [&](at::Tensor& value) {
    if (value.device() == device) return;
    moved = true;
    const bool trained = value.requires_grad();
    value = value.detach().to(device).set_requires_grad(trained);
  };
  for (auto& parameter : registry_.parameters) move(*parameter.value);
  for (nn::Seam* seam : registry_.seams) {
    for (const auto& adapter : seam->adapters()) {
      for (const auto& [name, value] : adapter->parameters()) move(*value);
    }
  }
  if (!moved) return;
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
