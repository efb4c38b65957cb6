#include "graft/train/epoch.h"

#include <algorithm>

#include "graft/data/sampling.h"

namespace graft::train {

std::vector<int64_t> epoch_order(const Job& job, int64_t epoch) {
  const Json& sampling = job.config.values["sampling"];
  data::SamplingOptions options;
  options.rate = sampling["rate"].get<double>();
  options.policy = sampling["policy"].get<std::string>();
  options.balanced = sampling["balanced"].get<bool>();
  return data::epoch_order(job.data.train.strata(job.model().classes().size()), options,
                           job.config.seed(), epoch);
}

data::BatchOrder epoch_batches(const Job& job, int64_t epoch) {
  const Json& train = job.config.values["train"];
  std::vector<int64_t> order = epoch_order(job, epoch);
  if (train["batch_tokens"].is_null())
    return data::batches_of_samples(std::move(order), train["batch"].get<int64_t>());
  return data::batches_of_tokens(std::move(order), job.inputs->lengths(job.data.train),
                                 train["batch_tokens"].get<int64_t>(), job.config.seed(), epoch);
}

EpochShape epoch_shape(const Job& job) {
  EpochShape shape = epoch_shape(job.config, job.train_size());
  if (job.config.values["train"]["batch_tokens"].is_null()) return shape;
  const auto every = job.config.values["updates"]["every"].get<int64_t>();
  shape.batches = epoch_batches(job, 0).batches();
  shape.steps = (shape.batches + every - 1) / every;
  return shape;
}

int64_t updates_for(const Job& job, int64_t samples) {
  const Json& v = job.config.values;
  const EpochShape shape = epoch_shape(job.config, job.train_size());
  const auto every = v["updates"]["every"].get<int64_t>();
  const int64_t epochs = samples / shape.samples;
  const int64_t rest = samples % shape.samples;
  if (v["train"]["batch_tokens"].is_null())
    return epochs * shape.steps + rest / (v["train"]["batch"].get<int64_t>() * every);
  int64_t updates = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch)
    updates += (epoch_batches(job, epoch).batches() + every - 1) / every;
  if (rest == 0) return updates;
  const data::BatchOrder last = epoch_batches(job, epochs);
  const auto whole = std::upper_bound(last.ends.begin(), last.ends.end(), rest) - last.ends.begin();
  return updates + whole / every;
}

}  // namespace graft::train
