#include "graft/models/new_tokens.h"

#include <torch/types.h>

#include <fmt/ranges.h>

#include "graft/models/family.h"

namespace graft::models {

NewTokens make_room(const texts::Preprocess& preprocess, Json& config) {
  NewTokens result;
  if (preprocess.new_tokens.empty()) return result;
  result.tokens = preprocess.new_tokens;
  result.rows_before = result.rows = config_integer(config, "vocab_size", 0);
  const auto ids = static_cast<int64_t>(preprocess.tokenizer->id_end());
  if (result.rows_before == 0 || ids <= result.rows_before) return result;
  config["vocab_size"] = result.rows = ids;
  return result;
}

std::string NewTokens::summary() const {
  if (tokens.empty()) return "";
  const std::string names =
      fmt::format("tokens: {} new ({})", tokens.size(), fmt::join(tokens, ", "));
  if (random) return fmt::format("{}; the embedding has {} rows, all random", names, rows);
  if (rows == rows_before) {
    return fmt::format(
        "{}; they take rows that the embedding has to spare ({} in all), as they are", names, rows);
  }
  return fmt::format(
      "{}; the embedding grows from {} to {} rows, new ones start at the mean of the others and "
      "change only where a method or strategy trains the embedding",
      names, rows_before, rows);
}

void add_rows(io::TensorMap& tensors, const Model& model, const NewTokens& tokens) {
  if (tokens.rows == tokens.rows_before) return;
  const at::NoGradGuard no_grad;
  for (const auto& p : model.registry().parameters) {
    const at::Tensor* old = tensors.find(p.name);
    if (!old || old->dim() == 0 || old->size(0) != tokens.rows_before ||
        p.value->size(0) != tokens.rows)
      continue;
    std::vector<int64_t> shape = old->sizes().vec();
    shape[0] = tokens.rows - tokens.rows_before;
    const at::Tensor mean = old->to(at::kFloat).mean(0, true).to(old->scalar_type());
    tensors.set(p.name, at::cat({*old, mean.expand(shape)}, 0));
  }
}

}  // namespace graft::models
