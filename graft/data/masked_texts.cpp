#include "graft/data/masked_texts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"

namespace graft::data {
namespace {

constexpr double kHidden = 0.8, kChanged = 0.1;
constexpr uint64_t kStream = 0x6d61736b;  // apart from what augmentations draw

/// Tokens that a text of so many has asked for.
int64_t count_asked(double share, int64_t tokens) {
  if (tokens == 0) return 0;
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(tokens)));
}

class MaskedBatches final : public Batches {
 public:
  MaskedBatches(View view, std::unique_ptr<Batches> texts, const Pass& pass, const Masking& masking)
      : view_(std::move(view)), texts_(std::move(texts)), pass_(pass), masking_(masking) {}

  std::optional<Batch> next() override {
    auto batch = texts_->next();
    if (!batch) return batch;
    const at::Tensor& lengths = batch->inputs.at("lengths");
    at::Tensor ids = batch->inputs.at("ids").contiguous();
    at::Tensor targets = at::empty_like(ids);
    GRAFT_ASSERT(lengths.size(0) == batch->size());
    int64_t first = 0;
    for (int64_t i = 0; i < batch->size(); ++i) {
      const int64_t size = lengths.data_ptr<int64_t>()[i];
      Rng rng = stream(view_.index(batch->indices[static_cast<size_t>(i)]));
      mask_tokens(masking_, ids.data_ptr<int64_t>() + first, targets.data_ptr<int64_t>() + first,
                  size, rng);
      first += size;
    }
    batch->inputs["ids"] = std::move(ids);
    batch->inputs["targets"] = std::move(targets);
    return batch;
  }

 private:
  Rng stream(int64_t sample) const {
    const auto number = static_cast<uint64_t>(sample);
    return pass_.augment ? Rng{kStream, pass_.seed, pass_.epoch + 1, number}
                         : Rng{kStream, 0, 0, number};
  }

  View view_;
  std::unique_ptr<Batches> texts_;
  Pass pass_;
  const Masking& masking_;
};

}  // namespace

Masking masking_of(const texts::Tokenizer& tokenizer, double share) {
  const auto mask = tokenizer.special_id("mask_token");
  if (!mask) {
    fail_usage(
        "the tokenizer names no mask_token, so nothing can stand for a token that is asked for; "
        "give a model that was made for it (BERT and its like), or a tokenizer_config.json that "
        "names one");
  }
  Masking masking{share, static_cast<int32_t>(*mask), static_cast<int32_t>(tokenizer.id_end()), {}};
  masking.special.resize(tokenizer.id_end());
  for (const char* purpose : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                              "cls_token", "mask_token"}) {
    if (const auto id = tokenizer.special_id(purpose)) masking.special[*id] = true;
  }
  return masking;
}

void mask_tokens(const Masking& masking, int64_t* ids, int64_t* targets, int64_t n, Rng& rng) {
  std::fill_n(targets, n, -1);
  std::vector<int64_t> places;
  for (int64_t i = 0; i < n; ++i) {
    if (!masking.special[static_cast<size_t>(ids[i])]) places.push_back(i);
  }
  const auto all = static_cast<int64_t>(places.size());
  const int64_t asked = count_asked(masking.share, all);
  for (int64_t i = 0; i < asked; ++i) {
    const auto at = static_cast<size_t>(i);
    std::swap(places[at], places[at + rng.below(static_cast<uint64_t>(all - i))]);
    int64_t& id = ids[places[at]];
    targets[places[at]] = id;
    const double chance = rng.uniform();
    if (chance < kHidden) {
      id = masking.mask;
    } else if (chance < kHidden + kChanged) {
      do {
        id = static_cast<int64_t>(rng.below(static_cast<uint64_t>(masking.vocabulary)));
      } while (masking.special[static_cast<size_t>(id)]);
    }
  }
}

std::unique_ptr<Batches> MaskedTexts::batches(const View& view, std::vector<int64_t> order,
                                              const Pass& pass, LoaderOptions options,
                                              std::shared_ptr<ThreadPool> pool) {
  return std::make_unique<MaskedBatches>(
      view, texts_->batches(view, std::move(order), pass, options, std::move(pool)), pass,
      masking_);
}

nn::Flow MaskedTexts::example(int64_t samples) const {
  nn::Flow flow = texts_->example(samples);
  const at::Tensor& lengths = flow.at("lengths");
  at::Tensor targets = at::full_like(flow.at("ids"), -1);
  int64_t first = 0;
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    const int64_t size = lengths.data_ptr<int64_t>()[i];
    targets.narrow(0, first, count_asked(masking_.share, size)).zero_();
    first += size;
  }
  flow["targets"] = std::move(targets);
  return flow;
}

}  // namespace graft::data
