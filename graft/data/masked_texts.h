#pragma once

#include <memory>
#include <vector>

#include "graft/base/rng.h"
#include "graft/data/inputs.h"
#include "graft/text/tokenizer.h"

namespace graft::data {

/// How tokens of a text are masked (Devlin et al. 2018, arXiv:1810.04805).
struct Masking {
  double share;               ///< of a text's tokens that are asked for; at least one is
  int32_t mask;               ///< stands in the place of 8 in 10 of those
  int32_t vocabulary;         ///< 1 in 10 becomes another token below this, 1 in 10 stays
  std::vector<bool> special;  ///< by token: neither asked for, nor put anywhere
};

/// From what a tokenizer says of its tokens; one without a mask token is an error (exit code 2).
Masking masking_of(const texts::Tokenizer& tokenizer, double share);

/// Masks the n tokens of a text in place. `targets` become what was there, and -1 where nobody
/// asks.
void mask_tokens(const Masking& masking, int64_t* ids, int64_t* targets, int64_t n, Rng& rng);

/// Texts of which some tokens are masked, beside "targets" [T] int64 that say what they were. Each
/// augmented pass masks others; all other passes the same ones, whatever the seed of the run is.
class MaskedTexts final : public Inputs {
 public:
  /// `texts` gives what is masked: one text a sample, without targets.
  MaskedTexts(std::unique_ptr<Inputs> texts, Masking masking)
      : texts_(std::move(texts)), masking_(std::move(masking)) {}

  std::unique_ptr<Batches> batches(const View& view, std::vector<int64_t> order, const Pass& pass,
                                   LoaderOptions options,
                                   std::shared_ptr<ThreadPool> pool) override;
  std::vector<int64_t> lengths(const View& view) override { return texts_->lengths(view); }
  bool random() const override { return true; }
  void set_augmentation(const Json& augment) override { texts_->set_augmentation(augment); }
  int64_t cut() const override { return texts_->cut(); }
  std::string note() const override { return texts_->note(); }
  nn::Flow example(int64_t samples) const override;
  void keep(const Dataset& data, int64_t bytes) override { texts_->keep(data, bytes); }
  ReadCost try_reading(const View& view, int64_t samples,
                       const std::function<bool()>& stop) const override {
    return texts_->try_reading(view, samples, stop);
  }

 private:
  std::unique_ptr<Inputs> texts_;
  Masking masking_;
};

}  // namespace graft::data
