#include <algorithm>
#include <cmath>

#include "graft/plan/decide.h"

namespace graft::plan {
namespace {

// Tokens of an update: enough for its gradient to be steady, few enough for many updates.
constexpr double kTokensAnUpdate = 2048;
constexpr int64_t kMostBatch = 64;

void decide_method(train::Job& job, const Situation& s, Decider& d) {
  const Json& v = job.config.values;
  const bool method_given = v["method"] != "auto";
  if (s.random_weights) {
    d.decide("", "strategy", "full", "the weights are random: everything has to be learned");
    d.decide("", "method", "none", "the weights are random");
    return;
  }
  const bool full = v["strategy"] == "auto" || v["strategy"] == "full" ||
                    (v["strategy"].is_object() && v["strategy"].value("name", "") == "full");
  d.decide("", "strategy", "full",
           method_given ? "the method chooses what trains in each block"
                        : "every block gets its low-rank update");
  if (full) {
    const int64_t rank = usual_rank(job.model());
    d.decide("", "method", Json{{"name", "lora"}, {"r", rank}, {"alpha", 2 * rank}},
             "low-rank updates keep what the model knows and need a fraction of the memory");
  } else {
    d.decide("", "method", "none", "the strategy chooses what trains");
  }
}

/// What need not be computed, where it is worth a word.
void note_shared(const train::Job& job, Decider& d) {
  const Json& train = job.config.values["train"];
  if (job.config.strategy.name != "full" || !train["share_prefixes"].get<bool>() ||
      !job.model().shares_prefixes())
    return;
  const double shared = 1 - job.inputs->computed_share(train["batch"].get<int64_t>());
  if (shared < 0.05) return;
  d.note("train.share_prefixes", true,
         fmt::format("{:.0f} % of a batch's tokens begin several of its texts: computed once",
                     100 * shared));
}

}  // namespace

void decide_language(train::Job& job, const Situation& s, train::PlanFacts& facts) {
  Decider d(job, facts);
  Json& v = job.config.values;
  decide_method(job, s, d);
  reread(job.config);

  const double n = static_cast<double>(s.train_samples) * v["sampling"]["rate"].get<double>();
  const double tokens = static_cast<double>(job.inputs->example(1).at("ids").numel());
  const auto usual =
      static_cast<int64_t>(std::max(1.0, std::round(kTokensAnUpdate / std::max(1.0, tokens))));
  int64_t batch = 1;
  while (2 * batch <= std::min(usual, kMostBatch)) batch *= 2;
  const int64_t by_tokens = batch;
  const int64_t least = std::min(by_tokens, job.objective().least_batch());
  while (batch > least && n / static_cast<double>(batch) < 10) batch /= 2;
  if (const auto samples = samples_of_tokens(job))
    d.decide("train", "batch", *samples, "about what train.batch_tokens holds");
  const std::string reason =
      batch == by_tokens ? fmt::format("a {} has about {:.0f} tokens, an update about {:.0f}",
                                       job.inputs->parts() > 1 ? "pair" : "text", tokens,
                                       tokens * static_cast<double>(batch))
      : batch == least && batch > 1 ? "few updates an epoch, but samples of a batch are compared"
                                    : "an epoch should have ten updates";
  d.decide("train", "batch", batch, reason);
  note_shared(job, d);
  d.decide("train", "batch_norm", "frozen", "the model has none");

  const train::Budget& budget = job.config.budget;
  if (!budget.epochs && !budget.steps && !budget.samples) {
    const double helpful = s.random_weights ? std::clamp(20000.0 / std::max(1.0, n), 3.0, 30.0)
                           : n >= 20000     ? 1.0
                                            : 3.0;
    v["budget"]["epochs"] = std::round(helpful);
    d.note("budget.epochs", std::round(helpful),
           "more passes over the same texts are learned by heart; the time may end it earlier");
  }
  reread(job.config);
  d.decide("", "augment", "none", "texts are learned as they are");
  job.inputs->set_augmentation(v["augment"]);
  const double epochs = job.config.budget.epochs.value_or(3);
  d.decide("train", "eval_every", epochs < 6 ? 0.5 : std::max(1.0, std::round(epochs / 12)),
           "about twelve evaluations in all");
}

}  // namespace graft::plan
