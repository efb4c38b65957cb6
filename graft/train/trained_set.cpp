#include "graft/train/trained_set.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/nn/seam.h"
#include "graft/peft/attach.h"

namespace graft::train {

void lay_out(at::Tensor& state, const TrainedTensor& tensor) {
  const at::Tensor& value = *tensor.value;
  if (state.strides() != value.strides() || state.device() != value.device())
    state = at::empty_like(value).copy_(state);
}

int attach_adapters(models::Model& model, const std::vector<peft::Choice>& methods,
                    const nn::Init& init) {
  const bool new_head = models::tells_classes(model.task());
  const int attached = peft::attach(model.registry(), methods, model.head(), init,
                                    new_head ? model.head() : model.size());
  model.to(model.device());
  return attached;
}

std::vector<TrainedTensor> adapter_tensors(models::Model& model) {
  std::vector<TrainedTensor> tensors;
  for (nn::Seam* seam : model.registry().seams) {
    const nn::Site site = seam->site();
    for (const auto& adapter : seam->adapters()) {
      for (const auto& [name, value] : adapter->parameters()) {
        tensors.push_back({site.path + "." + name, value, site.block, true, false, true, site.path,
                           adapter->method()});
      }
    }
  }
  return tensors;
}

std::vector<TrainedTensor> trained_tensors(models::Model& model,
                                           const std::vector<peft::Choice>& methods,
                                           const std::vector<int>& blocks) {
  const auto trains = [&](int block) {
    return std::binary_search(blocks.begin(), blocks.end(), block);
  };
  std::vector<TrainedTensor> tensors;
  for (auto& p : model.registry().parameters) {
    if (p.is_buffer() || !trains(p.block)) continue;
    // A head of classes is new, and learned whatever the method is; that of a language model came
    // with the rest and is treated like it, but for the small one of masked tokens, which may be
    // new as well.
    const bool of_head = model.block_span(p.block) == models::Span::head;
    const bool head = of_head && models::tells_classes(model.task());
    bool selected = head || (of_head && model.task() == models::Task::masked_token);
    for (const auto& choice : methods)
      selected = selected || (choice.method->selects && choice.method->selects(p, choice.options));
    if (!selected) continue;
    tensors.push_back({p.name, p.value, p.block, p.role == nn::Role::weight, head, false});
  }
  for (auto& tensor : adapter_tensors(model)) {
    if (trains(tensor.block)) tensors.push_back(std::move(tensor));
  }
  std::stable_sort(
      tensors.begin(), tensors.end(),
      [](const TrainedTensor& a, const TrainedTensor& b) { return a.block < b.block; });
  return tensors;
}

void apply_trained(models::Model& model, const std::vector<TrainedTensor>& tensors,
                   int lowest_due) {
  for (auto& p : model.registry().parameters) {
    if (!p.is_buffer()) p.value->set_requires_grad(false);
  }
  for (auto& tensor : adapter_tensors(model)) tensor.value->set_requires_grad(false);
  for (const auto& tensor : tensors) tensor.value->set_requires_grad(tensor.block >= lowest_due);
}

int lowest_block(const std::vector<TrainedTensor>& tensors) {
  GRAFT_ASSERT(!tensors.empty());
  int lowest = tensors.front().block;
  for (const auto& tensor : tensors) lowest = std::min(lowest, tensor.block);
  return lowest;
}

}  // namespace graft::train
