#include "graft/models/sampler.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"

namespace graft::models {
namespace {

/// The likelier first; of equals the one that comes first.
bool before(const Candidate& a, const Candidate& b) {
  return a.probability > b.probability || (a.probability == b.probability && a.id < b.id);
}

/// Takes away what is less likely than the k-th. `all` hold scaled logits in place of
/// probabilities.
void keep_top_k(std::vector<Candidate>& all, int64_t k) {
  if (k <= 0 || k >= static_cast<int64_t>(all.size())) return;
  std::vector<double> scores;
  scores.reserve(all.size());
  for (const Candidate& c : all) scores.push_back(c.probability);
  std::nth_element(scores.begin(), scores.begin() + (k - 1), scores.end(), std::greater<>());
  const double least = scores[static_cast<size_t>(k - 1)];
  std::erase_if(all, [least](const Candidate& c) { return c.probability < least; });
}

/// From logits to probabilities.
void normalize(std::vector<Candidate>& all) {
  double most = all.front().probability;
  for (const Candidate& c : all) most = std::max(most, c.probability);
  double sum = 0;
  for (Candidate& c : all) sum += c.probability = std::exp(c.probability - most);
  for (Candidate& c : all) c.probability /= sum;
}

/// The likeliest until they reach p together, and the rest scaled to 1. Only these are sorted:
/// vocabularies are large and nuclei small.
void keep_top_p(std::vector<Candidate>& all, double p) {
  if (p >= 1) return;
  const auto later = [](const Candidate& a, const Candidate& b) { return before(b, a); };
  std::make_heap(all.begin(), all.end(), later);
  double sum = 0;
  auto rest = all.end();
  while (rest != all.begin() && (sum < p || rest == all.end())) {
    std::pop_heap(all.begin(), rest, later);
    --rest;
    sum += rest->probability;
  }
  all.erase(all.begin(), rest);
  std::reverse(all.begin(), all.end());
  for (Candidate& c : all) c.probability /= sum;
}

}  // namespace

void penalize_repetition(std::span<float> logits, std::span<const int32_t> ids, double penalty) {
  if (penalty == 1) return;
  const auto p = static_cast<float>(penalty);
  std::vector<int32_t> once(ids.begin(), ids.end());
  std::ranges::sort(once);
  once.erase(std::unique(once.begin(), once.end()), once.end());
  for (const int32_t id : once) {
    if (id < 0 || static_cast<size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * p : logit / p;
  }
}

std::vector<Candidate> candidates(std::span<const float> logits, const Sampling& sampling) {
  const auto temperature = static_cast<float>(sampling.temperature);
  std::vector<Candidate> all;
  all.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    // What is masked has no probability and takes part in nothing.
    if (logits[i] == -std::numeric_limits<float>::infinity()) continue;
    all.push_back({static_cast<int32_t>(i), double{logits[i] / temperature}});
  }
  if (all.empty()) return all;
  keep_top_k(all, sampling.top_k);
  normalize(all);
  if (sampling.top_k > 0) std::ranges::sort(all, before);
  keep_top_p(all, sampling.top_p);
  return all;
}

Sampler::Sampler(const Sampling& sampling, uint64_t key) : sampling_(sampling), random_(key) {
  const auto check = [](bool good, const char* name, double value, const char* wanted) {
    if (!good) fail_usage("{} must be {}, got {}", name, wanted, value);
  };
  check(sampling.temperature >= 0 && std::isfinite(sampling.temperature), "temperature",
        sampling.temperature, "a number from 0 on");
  check(sampling.top_k >= 0, "top_k", static_cast<double>(sampling.top_k), "0 (all) or more");
  check(sampling.top_p > 0 && sampling.top_p <= 1, "top_p", sampling.top_p,
        "above 0 and at most 1");
  check(sampling.repetition_penalty > 0 && std::isfinite(sampling.repetition_penalty),
        "repetition_penalty", sampling.repetition_penalty, "above 0");
}

void Sampler::see(int32_t id) {
  if (id < 0) return;
  const auto at = static_cast<size_t>(id);
  if (at >= seen_.size()) seen_.resize(at + 1, false);
  if (seen_[at]) return;
  seen_[at] = true;
  once_.push_back(id);
}

int32_t Sampler::next(std::span<float> logits) {
  penalize_repetition(logits, once_, sampling_.repetition_penalty);
  const auto best = std::ranges::max_element(
      logits, [](float a, float b) { return a < b || (std::isnan(a) && !std::isnan(b)); });
  if (best == logits.end() || !std::isfinite(*best)) {
    fail_unreadable(
        "the model's logits are not finite numbers, so no token can follow: its weights are "
        "damaged, or the training that made them diverged");
  }
  auto id = static_cast<int32_t>(best - logits.begin());
  // So small a temperature leaves one token, and divides to infinity.
  if (sampling_.temperature > 1e-6) {
    const auto all = candidates(logits, sampling_);
    double rest = random_.uniform();
    id = all.back().id;
    for (const Candidate& c : all) {
      rest -= c.probability;
      if (rest >= 0) continue;
      id = c.id;
      break;
    }
  }
  see(id);
  return id;
}

}  // namespace graft::models
