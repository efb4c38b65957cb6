#include "graft/text/formats/sentencepiece.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/text/models/bpe.h"
#include "graft/text/models/unigram.h"

namespace graft::texts {
namespace {

using Type = SentencePieceModel::Type;

/// Pieces that text can become by merging or by the best path.
bool is_usable(int type) {
  return type == Type::normal || type == Type::user_defined || type == Type::unused;
}

/// Pieces are joined in the order of their score: every way to cut a piece in two is a merge.
std::vector<Merge> merges_of(const SentencePieceModel& model) {
  StringMap ids;
  for (uint32_t id = 0; id < model.pieces.size(); ++id) {
    if (is_usable(model.types[id])) ids.set(model.pieces[id], id);
  }
  std::vector<uint32_t> order(model.pieces.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    return model.scores[a] != model.scores[b] ? model.scores[a] > model.scores[b] : a < b;
  });
  std::vector<Merge> merges;
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && model.scores[order[i]] != model.scores[order[i - 1]]) ++rank;
    const std::string_view piece = model.pieces[order[i]];
    if (!is_usable(model.types[order[i]])) continue;
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      const auto left = ids.find(piece.substr(0, cut));
      if (!left) continue;
      if (const auto right = ids.find(piece.substr(cut)))
        merges.push_back({*left, *right, order[i], rank});
    }
  }
  return merges;
}

std::optional<uint32_t> unknown_of(const SentencePieceModel& model) {
  const auto found = std::ranges::find(model.types, static_cast<int>(Type::unknown));
  if (found == model.types.end()) return std::nullopt;
  return static_cast<uint32_t>(found - model.types.begin());
}

std::unique_ptr<const Model> make_bpe_of(SentencePieceModel& model) {
  const std::vector<Merge> merges = merges_of(model);
  BpeOptions options;
  options.byte_fallback = model.byte_fallback;
  options.fuse_unknown = true;
  if (const auto unknown = unknown_of(model)) options.unknown = model.pieces[*unknown];
  return make_bpe(Vocabulary(std::move(model.pieces)), merges, options);
}

std::unique_ptr<const Model> make_unigram_of(SentencePieceModel& model) {
  UnigramOptions options;
  options.scores.assign(model.scores.begin(), model.scores.end());
  options.unknown = unknown_of(model);
  options.byte_fallback = model.byte_fallback;
  options.single_precision = true;
  for (const int type : model.types)
    options.hidden.push_back(type != Type::normal && type != Type::user_defined);
  return make_unigram(Vocabulary(std::move(model.pieces)), std::move(options));
}

void put_special(TokenizerParts& parts, const SentencePieceModel& model) {
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const std::string& piece = model.pieces[id];
    if (model.types[id] == Type::control || model.types[id] == Type::unknown)
      parts.added_tokens.push_back({piece, false, false, false, false, true});
    if (model.types[id] == Type::user_defined) parts.user_symbols.push_back(piece);
    if (model.types[id] == Type::unknown) parts.special_tokens["unk_token"] = piece;
  }
}

std::optional<SpecialToken> token_at(const SentencePieceModel& model, int64_t id) {
  if (id < 0 || static_cast<size_t>(id) >= model.pieces.size()) return std::nullopt;
  return SpecialToken{model.pieces[static_cast<size_t>(id)], static_cast<uint32_t>(id)};
}

}  // namespace

void add_special(TokenizerParts& parts, const std::string& content, bool takes_blank) {
  const auto same = [&](const AddedToken& token) { return token.content == content; };
  if (std::ranges::none_of(parts.added_tokens, same))
    parts.added_tokens.push_back({content, false, takes_blank, false, false, true});
}

TokenizerParts sentencepiece_parts(SentencePieceModel model, const std::string& where,
                                   const TokenizerConfig& config) {
  if (!std::ranges::all_of(model.scores, [](float score) { return std::isfinite(score); }))
    fail_unreadable("{}: a piece has a score that is no number; fetch the model again", where);
  TokenizerParts parts;
  parts.normalizer = make_sentencepiece_normalizer(model, where);
  put_special(parts, model);
  const auto bos = token_at(model, model.bos);
  const auto eos = token_at(model, model.eos);
  if (bos) parts.special_tokens["bos_token"] = bos->content;
  if (eos) parts.special_tokens["eos_token"] = eos->content;
  const bool is_bpe = model.kind == SentencePieceModel::Kind::bpe;
  const bool add_bos = config.add_bos.value_or(is_bpe) && bos;
  const bool add_eos = config.add_eos.value_or(!is_bpe) && eos;
  parts.post_processor = around(add_bos ? &*bos : nullptr, add_eos ? &*eos : nullptr);
  TreeJson steps = TreeJson::array();
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}});
  steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  if (model.dummy_prefix) {
    const bool suffix = model.space_as_suffix;
    steps.push_back({{"type", "Strip"},
                     {"content", " "},
                     {"start", suffix ? 0U : 1U},
                     {"stop", suffix ? 1U : 0U}});
  }
  parts.decoder = component_from(make_decoder, {{"type", "Sequence"}, {"decoders", steps}});
  parts.model = is_bpe ? make_bpe_of(model) : make_unigram_of(model);
  return parts;
}

}  // namespace graft::texts
