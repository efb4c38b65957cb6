#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graft/base/rng.h"

namespace graft::models {

/// How the next token is chosen, with the rules and in the order of transformers: repetition
/// penalty (Keskar et al. 2019), temperature, top-k (Fan et al. 2018), top-p (Holtzman et al.
/// 2020).
struct Sampling {
  double temperature = 0;         ///< divides the logits; 0 takes the likeliest token (greedy)
  int64_t top_k = 0;              ///< only the k likeliest, and those as likely; 0: all
  double top_p = 1;               ///< only the likeliest that together reach this probability
  double repetition_penalty = 1;  ///< of tokens that were there: logit / p, or · p below 0
};

/// A token that may be chosen.
struct Candidate {
  int32_t id;
  double probability;
};

/// Makes the tokens `ids` (in any order, also several times) less likely by `penalty` > 1, or more
/// likely by one < 1. Ids outside of the logits are left out.
void penalize_repetition(std::span<float> logits, std::span<const int32_t> ids, double penalty);

/// What temperature (> 0), top-k and top-p leave of a distribution. Probabilities sum to 1; the
/// likeliest come first where there is a top-k or top-p.
std::vector<Candidate> candidates(std::span<const float> logits, const Sampling& sampling);

/// Chooses the tokens of one text, one after the other. Its choices depend on the logits and its
/// key only. Rules that have no meaning (temperature below 0, top_p outside (0, 1]) are errors
/// (exit code 2).
class Sampler {
 public:
  Sampler(const Sampling& sampling, uint64_t key);

  /// A token that the text has, for the repetition penalty; next() does it for its own.
  void see(int32_t id);
  /// The next token by its logits [vocabulary], which are changed. Logits of which none is a finite
  /// number are an error (exit code 3).
  int32_t next(std::span<float> logits);

 private:
  Sampling sampling_;
  Rng random_;
  std::vector<bool> seen_;     // by id
  std::vector<int32_t> once_;  // the ids that were seen
};

}  // namespace graft::models
