#include "graft/text/formats/gguf.h"

#include <algorithm>

#include "graft/text/formats/formats.h"
#include "graft/text/formats/gguf_patterns.h"
#include "graft/text/formats/sentencepiece.h"
#include "graft/text/models/bpe.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr int kNormal = 1;
constexpr int kControl = 3;
constexpr int kUserDefined = 4;
constexpr std::string_view kSpace = "\u2581";

void check(GgufVocabulary& v, const std::string& where) {
  const size_t count = v.tokens.size();
  if (count == 0)
    fail_unreadable("{}: tokenizer.ggml.tokens is missing; the file holds no tokenizer", where);
  if (v.types.empty()) v.types.assign(count, kNormal);
  if (v.scores.empty()) v.scores.assign(count, 0.0F);
  if (v.types.size() != count || v.scores.size() != count) {
    fail_unreadable("{}: {} tokens, but {} types and {} scores; the file is damaged", where, count,
                    v.types.size(), v.scores.size());
  }
  for (const auto& id : {v.bos, v.eos, v.unknown, v.separator, v.padding, v.cls, v.mask}) {
    if (id && *id >= count)
      fail_unreadable("{}: a special token has the id {}, but there are {} tokens", where, *id,
                      count);
  }
  for (std::string& token : v.tokens) {
    if (!is_valid_utf8(token)) token = repair_utf8(token).text;
  }
}

SpecialToken special(const GgufVocabulary& v, uint32_t id) {
  return {v.tokens[id], id};
}

void name_specials(const GgufVocabulary& v, TokenizerParts& parts) {
  const std::pair<const char*, std::optional<uint32_t>> all[] = {
      {"bos_token", v.bos},       {"eos_token", v.eos},     {"unk_token", v.unknown},
      {"sep_token", v.separator}, {"pad_token", v.padding}, {"cls_token", v.cls},
      {"mask_token", v.mask}};
  for (const auto& [purpose, id] : all) {
    if (id) parts.special_tokens[purpose] = v.tokens[*id];
  }
}

std::unique_ptr<const PostProcessor> bos_and_eos(const GgufVocabulary& v, bool bos, bool eos) {
  const SpecialToken before = v.bos ? special(v, *v.bos) : SpecialToken{};
  const SpecialToken behind = v.eos ? special(v, *v.eos) : SpecialToken{};
  return around(bos && v.bos ? &before : nullptr, eos && v.eos ? &behind : nullptr);
}

TokenizerParts bert(const GgufVocabulary& v) {
  // Beginnings of words carry sentencepiece's space there, continuations carry nothing.
  std::vector<std::string> tokens;
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string& token = v.tokens[id];
    const bool bracketed = token.starts_with('[') && token.ends_with(']') && token.size() > 2;
    if (token.starts_with(kSpace)) {
      tokens.push_back(token.substr(kSpace.size()));
    } else {
      tokens.push_back(v.types[id] == kControl || bracketed ? token : "##" + token);
    }
  }
  return bert_parts(std::move(tokens), {});
}

TokenizerParts gpt2(GgufVocabulary& v, const std::string& where) {
  TokenizerParts parts;
  const GgufPattern pattern = gguf_pattern(v.pre, where);
  parts.pre_tokenizer = component_from(make_pre_tokenizer, pattern.pre_tokenizer);
  parts.decoder = component_from(make_decoder, {{"type", "ByteLevel"}});
  parts.post_processor =
      bos_and_eos(v, v.add_bos.value_or(pattern.add_bos), v.add_eos.value_or(false));
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    if (v.types[id] == kControl || v.types[id] == kUserDefined)
      parts.added_tokens.push_back(
          {v.tokens[id], false, false, false, false, v.types[id] == kControl});
  }
  Vocabulary vocabulary(std::move(v.tokens));
  std::vector<Merge> merges;
  for (const std::string& line : v.merges) {
    // The second token of a merge of spaces may begin with one: the cut is behind the first sign.
    const size_t space = line.find(' ', 1);
    if (space == std::string::npos)
      fail_unreadable("{}: merge {} is '{}', but two tokens with a space between were expected",
                      where, merges.size() + 1, line);
    const std::string_view view = line;
    merges.push_back(merge_of(vocabulary, view.substr(0, space), view.substr(space + 1),
                              static_cast<uint32_t>(merges.size()), 0, where));
  }
  BpeOptions options;
  options.ignore_merges = pattern.ignore_merges;
  parts.model = make_bpe(std::move(vocabulary), merges, options);
  return parts;
}

TokenizerParts sentencepiece(GgufVocabulary& v, const std::string& where) {
  const bool unigram = v.model == "t5";
  SentencePieceModel model;
  model.kind = unigram ? SentencePieceModel::Kind::unigram : SentencePieceModel::Kind::bpe;
  model.pieces = std::move(v.tokens);
  model.scores = std::move(v.scores);
  model.types = std::move(v.types);
  model.charsmap = std::move(v.charsmap);
  model.dummy_prefix = v.space_prefix.value_or(true);
  model.remove_extra_spaces = v.remove_extra_spaces.value_or(unigram);
  model.byte_fallback = true;  // as far as there are tokens for bytes
  model.bos = v.bos ? int64_t{*v.bos} : -1;
  model.eos = v.eos ? int64_t{*v.eos} : -1;
  TokenizerConfig config;
  config.add_bos = v.add_bos.value_or(!unigram);
  config.add_eos = v.add_eos.value_or(unigram);
  return sentencepiece_parts(std::move(model), where, config);
}

}  // namespace

TokenizerParts parts_of_gguf(GgufVocabulary v, const std::string& where) {
  check(v, where);
  TokenizerParts named;
  name_specials(v, named);
  TokenizerParts parts;
  if (v.model == "bert") {
    parts = bert(v);
  } else if (v.model == "gpt2") {
    parts = gpt2(v, where);
  } else if (v.model == "llama" || v.model == "t5") {
    parts = sentencepiece(v, where);
  } else {
    fail_unreadable("{}: the tokenizer is of the kind '{}'; known: llama, gpt2, bert, t5", where,
                    v.model);
  }
  for (const auto& [purpose, token] : named.special_tokens) parts.special_tokens[purpose] = token;
  return parts;
}

}  // namespace graft::texts
