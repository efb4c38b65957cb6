#include "tests/contract_training/language.h"

#include <torch/types.h>

#include <fstream>

#include "graft/base/rng.h"

namespace graft::contract {
namespace fs = std::filesystem;

const fs::path& sums() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    uint64_t key = 0;
    for (const auto& [split, count] :
         std::vector<std::pair<std::string, int>>{{"train", 24}, {"validation", 8}, {"test", 8}}) {
      std::ofstream file(scratch / (split + ".jsonl"));
      for (int i = 0; i < count; ++i) {
        Rng rng{++key};
        const int64_t a = rng.integer(1, 400);
        const int64_t b = rng.integer(1, 9);
        file << Json{{"prompt", fmt::format("What is {} and {}? ", a, b)},
                     {"completion", fmt::format("It is {}.", a + b)}}
                    .dump()
             << "\n";
      }
    }
    return scratch.path();
  }();
  return folder;
}

Json language_config(const fs::path& output) {
  Json config = config_of("vit", output);
  config["task"] = "language-modeling";
  config["model"] = (test::source_dir() / "examples/models/stories260K").string();
  config["data"] = sums().string();
  config["metric"] = "perplexity";
  config["train"]["lr"] = 0.002;
  config["train"]["head_lr"] = 0.002;
  return config;
}

std::pair<double, int64_t> plain_loss(train::Job& job, const data::View& view) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> order;
  for (int64_t i = 0; i < view.size(); ++i) order.push_back(i);
  data::LoaderOptions options;
  options.batch_size = 1;
  const auto batches = job.inputs->batches(view, order, {}, options, nullptr);
  nn::Context context;
  double sum = 0;
  int64_t tokens = 0;
  while (auto batch = batches->next()) {
    const at::Tensor targets = batch->inputs.at("targets");
    nn::Flow flow("ids", batch->inputs.at("ids"));
    flow["lengths"] = batch->inputs.at("lengths");
    const at::Tensor logits =
        job.model().forward(flow.to(job.model().device()), context).at("logits").cpu();
    const at::Tensor logp = at::log_softmax(logits.to(at::kDouble), 1);
    for (int64_t t = 0; t < targets.size(0); ++t) {
      const int64_t wanted = targets[t].item<int64_t>();
      if (wanted < 0) continue;
      sum -= logp[t][wanted].item<double>();
      ++tokens;
    }
  }
  return {sum, tokens};
}

}  // namespace graft::contract
