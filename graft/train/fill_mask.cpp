#include "graft/train/fill_mask.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/train/job.h"

namespace graft::train {
namespace {

std::string trimmed(std::string text) {
  const char* white = " \t\r\n";
  text.erase(0, std::min(text.size(), text.find_first_not_of(white)));
  text.erase(text.find_last_not_of(white) + 1);
  return text;
}

/// Logits of the masked places only: a row of the whole vocabulary for every token is much.
at::Tensor logits_of(models::Model& model, nn::Flow flow, const at::Tensor& rows,
                     const at::Tensor& counts) {
  nn::Context context;
  flow = model.forward(flow.to(model.device()), context, 0, model.head());
  at::Tensor& x = flow["x"];
  x = x.index_select(0, rows.to(x.device()));
  flow["lengths"] = counts;
  return model.forward(std::move(flow), context, model.head()).at("logits").to(at::kCPU);
}

}  // namespace

std::vector<FilledText> fill_masks(models::Model& model, const std::vector<data::Text>& texts,
                                   int most) {
  const at::NoGradGuard no_grad;
  check_tokenizer(model);
  const texts::Tokenizer& tokenizer = *model.text_preprocess().tokenizer;
  const auto mask = tokenizer.special_id("mask_token");
  if (!mask)
    fail_usage("the tokenizer names no mask_token, so nothing marks a word to be filled in");
  nn::Flow flow = to_flow(model, texts);
  const at::Tensor& lengths = flow.at("lengths");
  const at::Tensor ids = flow.at("ids");
  const at::Tensor rows = ids.eq(static_cast<int64_t>(*mask)).nonzero().squeeze(1);
  const at::Tensor text_of_rows = at::repeat_interleave(lengths).index_select(0, rows).contiguous();
  const at::Tensor counts = text_of_rows.bincount({}, lengths.size(0));
  for (size_t i = 0; i < texts.size(); ++i) {
    if (counts[static_cast<int64_t>(i)].item<int64_t>() > 0) continue;
    fail_usage(
        "the text '{}' has no {} within the {} tokens that are read; put it where a word is wanted",
        texts[i].first, *tokenizer.special_token("mask_token"), model.text_preprocess().max_length);
  }

  const at::Tensor probabilities = at::softmax(logits_of(model, flow, rows, counts), 1);
  const auto [top, tokens] = probabilities.topk(std::min<int64_t>(most, probabilities.size(1)), 1);
  std::vector<FilledText> filled(texts.size());
  at::Tensor whole = ids.clone();
  for (int64_t i = 0; i < rows.size(0); ++i) {
    auto& place =
        filled[static_cast<size_t>(text_of_rows[i].item<int64_t>())].places.emplace_back();
    for (int64_t k = 0; k < tokens.size(1); ++k) {
      const auto id = static_cast<uint32_t>(tokens[i][k].item<int64_t>());
      place.push_back({id, trimmed(tokenizer.decode(std::vector<uint32_t>{id}, false)),
                       top[i][k].item<float>()});
    }
    whole[rows[i].item<int64_t>()] = tokens[i][0];
  }
  int64_t first = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const int64_t size = lengths[static_cast<int64_t>(i)].item<int64_t>();
    const auto* begin = whole.data_ptr<int64_t>() + first;
    filled[i].text = trimmed(tokenizer.decode(std::vector<uint32_t>(begin, begin + size)));
    first += size;
  }
  return filled;
}

}  // namespace graft::train
