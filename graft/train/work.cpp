#include "graft/train/work.h"

namespace graft::train {

double Profile::forward(int from, int to) const {
  double sum = 0;
  for (int b = from; b < to; ++b) {
    sum += blocks[static_cast<size_t>(b)].forward + blocks[static_cast<size_t>(b)].adapters;
  }
  return sum;
}

double Profile::update(int from, int lowest, const std::vector<bool>& base_trained) const {
  const int n = static_cast<int>(blocks.size());
  double sum = forward(from, n);
  for (int b = lowest; b < n; ++b) {
    const Block& block = blocks[static_cast<size_t>(b)];
    sum += block.forward + 2 * block.adapters;
    if (base_trained[static_cast<size_t>(b)]) sum += block.weights;
  }
  return sum;
}

double Profile::full_update() const {
  double sum = 0;
  for (const Block& block : blocks) sum += 2 * block.forward + block.weights;
  return sum;
}

Json Work::to_json() const {
  return {{"steps", steps},
          {"samples_forward", samples_forward},
          {"samples_backward", samples_backward},
          {"samples_cached", samples_cached},
          {"tokens", tokens},
          {"learned_tokens", learned_tokens},
          {"shared_tokens", shared_tokens},
          {"flops", flops},
          {"full_flops", full_flops},
          {"train_s", train_s},
          {"eval_s", eval_s},
          {"data_s", data_s},
          {"cache_s", cache_s},
          {"wall_before", wall_before},
          {"cpu_before", cpu_before},
          {"evaluation_before", evaluation_before},
          {"peak_tensor_before", peak_tensor_before},
          {"peak_rss_before", peak_rss_before}};
}

Work Work::from_json(const Json& v) {
  Work w;
  w.steps = v.at("steps");
  w.samples_forward = v.at("samples_forward");
  w.samples_backward = v.at("samples_backward");
  w.samples_cached = v.at("samples_cached");
  w.tokens = v.value("tokens", w.tokens);
  w.learned_tokens = v.value("learned_tokens", w.learned_tokens);
  w.shared_tokens = v.value("shared_tokens", w.shared_tokens);
  w.flops = v.at("flops");
  w.full_flops = v.at("full_flops");
  w.train_s = v.at("train_s");
  w.eval_s = v.at("eval_s");
  w.data_s = v.at("data_s");
  w.cache_s = v.at("cache_s");
  w.wall_before = v.at("wall_before");
  w.cpu_before = v.at("cpu_before");
  w.evaluation_before = v.at("evaluation_before");
  w.peak_tensor_before = v.at("peak_tensor_before");
  w.peak_rss_before = v.at("peak_rss_before");
  return w;
}

}  // namespace graft::train
