#include <algorithm>

#include "graft/text/formats/formats.h"
#include "graft/text/formats/sentencepiece.h"

namespace graft::texts {
namespace {

SpecialToken token_of(const SentencePieceModel& model, const std::string& content,
                      const std::string& where) {
  const auto found = std::ranges::find(model.pieces, content);
  if (found == model.pieces.end()) {
    fail_unreadable(
        "{}: '{}', which DeBERTa puts around texts, is no piece of the model; give the "
        "tokenizer.json that transformers saves",
        where, content);
  }
  return {content, static_cast<uint32_t>(found - model.pieces.begin())};
}

}  // namespace

TokenizerParts parts_of_deberta(const std::string& bytes, const std::string& where,
                                const TokenizerConfig& config) {
  if (config.lowercase.value_or(false) || config.split_punctuation.value_or(false)) {
    fail_unreadable(
        "{}: do_lower_case and split_by_punct of tokenizer_config.json are not known here for "
        "sentencepiece models; give the tokenizer.json that transformers saves",
        where);
  }
  const auto name_of = [&](const char* purpose, const char* usual) {
    const auto found = config.special_tokens.find(purpose);
    return found == config.special_tokens.end() ? usual : found->second;
  };
  SentencePieceModel model = read_sentencepiece(bytes, where);
  const SpecialToken cls = token_of(model, name_of("cls_token", "[CLS]"), where);
  const SpecialToken sep = token_of(model, name_of("sep_token", "[SEP]"), where);
  const std::string pad = name_of("pad_token", "[PAD]");
  const bool pads = std::ranges::find(model.pieces, pad) != model.pieces.end();
  TokenizerParts parts = sentencepiece_parts(std::move(model), where, config);
  parts.post_processor =
      component_from(make_post_processor, {{"type", "BertProcessing"},
                                           {"cls", TreeJson::array({cls.content, cls.id})},
                                           {"sep", TreeJson::array({sep.content, sep.id})}});
  const std::string mask = name_of("mask_token", "[MASK]");
  parts.special_tokens["bos_token"] = parts.special_tokens["cls_token"] = cls.content;
  parts.special_tokens["eos_token"] = parts.special_tokens["sep_token"] = sep.content;
  parts.special_tokens["mask_token"] = mask;
  if (pads) parts.special_tokens["pad_token"] = pad;
  // The mask is no piece: it gets the id behind them.
  for (const std::string& special : {cls.content, sep.content, mask}) add_special(parts, special);
  return parts;
}

}  // namespace graft::texts
