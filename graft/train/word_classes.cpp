#include "graft/train/word_classes.h"

#include <torch/types.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "graft/data/text_inputs.h"
#include "graft/text/word_encoder.h"

namespace graft::train {
namespace {

constexpr size_t kBatch = 16;

/// Words of a text from `first` on, as many as a model takes.
struct Part {
  size_t text = 0, first = 0;
  texts::Tokens tokens;
};

void add_parts(const texts::WordEncoder& encoder, const data::Text& text, size_t number,
               std::vector<Part>& parts) {
  const std::span<const texts::Span> words = text.words;
  const auto most = static_cast<size_t>(encoder.preprocess().max_length);
  for (size_t begin = 0; begin < words.size();) {
    size_t count = std::min(words.size() - begin, most);
    texts::Tokens tokens = encoder.apply(text.first, words.subspan(begin, count));
    if (tokens.cut) {
      const auto seen = std::count_if(tokens.words.begin(), tokens.words.end(),
                                      [](int32_t word) { return word >= 0; });
      count = std::max<size_t>(1, static_cast<size_t>(seen));
      tokens = encoder.apply(text.first, words.subspan(begin, count));
    }
    if (!tokens.ids.empty()) parts.push_back({number, begin, std::move(tokens)});
    begin += count;
  }
}

}  // namespace

WordRows word_rows(const nn::Flow& result) {
  const at::Tensor& begins = result.at("targets");
  const at::Tensor lengths = result.at("lengths").to(begins.device());
  WordRows found;
  found.rows = begins.ge(0).nonzero().squeeze(1);
  found.texts = at::repeat_interleave(lengths).index_select(0, found.rows);
  found.words = begins.index_select(0, found.rows);
  return found;
}

int outside_class(const std::vector<std::string>& classes) {
  const auto found = std::find(classes.begin(), classes.end(), "O");
  return found == classes.end() ? 0 : static_cast<int>(found - classes.begin());
}

std::vector<SaidWords> classify_words(models::Model& model, const std::vector<data::Text>& texts) {
  const at::NoGradGuard no_grad;
  const texts::WordEncoder encoder(model.text_preprocess());
  const int outside = outside_class(model.classes());
  std::vector<SaidWords> said;
  std::vector<Part> parts;
  for (const data::Text& text : texts) {
    add_parts(encoder, text, said.size(), parts);
    said.push_back({std::vector<int>(text.words.size(), outside),
                    std::vector<float>(text.words.size(), 0.0F)});
  }
  for (size_t begin = 0; begin < parts.size(); begin += kBatch) {
    const size_t end = std::min(parts.size(), begin + kBatch);
    std::vector<texts::Tokens> batch;
    for (size_t i = begin; i < end; ++i) batch.push_back(parts[i].tokens);
    nn::Context context;
    const nn::Flow result = model.forward(data::to_flow(batch).to(model.device()), context);
    const WordRows found = word_rows(result);
    const at::Tensor scores = at::softmax(result.at("logits").index_select(0, found.rows), 1);
    auto [best, classes] = scores.max(1);
    best = best.cpu();
    classes = classes.cpu();
    const at::Tensor which = found.texts.cpu();
    const at::Tensor words = found.words.cpu();
    for (int64_t i = 0; i < words.size(0); ++i) {
      const Part& part = parts[begin + static_cast<size_t>(which.data_ptr<int64_t>()[i])];
      const size_t word = part.first + static_cast<size_t>(words.data_ptr<int64_t>()[i]);
      said[part.text].classes[word] = static_cast<int>(classes.data_ptr<int64_t>()[i]);
      said[part.text].probabilities[word] = best.data_ptr<float>()[i];
    }
  }
  return said;
}

}  // namespace graft::train
