#include <algorithm>

#include "graft/text/formats/formats.h"
#include "graft/text/models/word_piece.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

std::optional<SpecialToken> special(const Model& model, const std::string& token) {
  const auto id = model.vocabulary().id(token);
  if (!id) return std::nullopt;
  return SpecialToken{token, *id};
}

std::string name_of(const TokenizerConfig& config, const char* purpose, const char* fallback) {
  const auto found = config.special_tokens.find(purpose);
  return found == config.special_tokens.end() ? fallback : found->second;
}

}  // namespace

TokenizerParts bert_parts(std::vector<std::string> tokens, const TokenizerConfig& config) {
  TokenizerParts parts;
  const bool lowercase = config.lowercase.value_or(true);
  parts.normalizer =
      component_from(make_normalizer, {{"type", "BertNormalizer"},
                                       {"clean_text", true},
                                       {"handle_chinese_chars", config.separate_cjk.value_or(true)},
                                       {"strip_accents", config.strip_accents.value_or(lowercase)},
                                       {"lowercase", lowercase}});
  parts.pre_tokenizer = component_from(make_pre_tokenizer, {{"type", "BertPreTokenizer"}});
  parts.decoder =
      component_from(make_decoder, {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
  WordPieceOptions options;
  options.unknown = name_of(config, "unk_token", "[UNK]");
  parts.model = make_word_piece(Vocabulary(std::move(tokens)), options);
  constexpr std::pair<const char*, const char*> kSpecials[] = {{"unk_token", "[UNK]"},
                                                               {"sep_token", "[SEP]"},
                                                               {"pad_token", "[PAD]"},
                                                               {"cls_token", "[CLS]"},
                                                               {"mask_token", "[MASK]"}};
  for (const auto& [purpose, fallback] : kSpecials) {
    const std::string token = name_of(config, purpose, fallback);
    if (!parts.model->vocabulary().id(token)) continue;
    parts.special_tokens[purpose] = token;
    parts.added_tokens.push_back({token, false, false, false, false, true});
  }
  const auto cls = special(*parts.model, name_of(config, "cls_token", "[CLS]"));
  const auto sep = special(*parts.model, name_of(config, "sep_token", "[SEP]"));
  if (cls && sep) {
    parts.post_processor =
        component_from(make_post_processor, {{"type", "BertProcessing"},
                                             {"cls", TreeJson::array({cls->content, cls->id})},
                                             {"sep", TreeJson::array({sep->content, sep->id})}});
  }
  return parts;
}

TokenizerParts parts_of_bert(const std::string& lines, const std::string& where,
                             const TokenizerConfig& config) {
  if (!is_valid_utf8(lines))
    fail_unreadable("{}: not UTF-8 text; a vocab.txt of BERT has one token a line", where);
  std::vector<std::string> tokens;
  for_each_line(lines,
                [&](std::string_view line, size_t /*number*/) { tokens.emplace_back(line); });
  if (tokens.empty()) fail_unreadable("{}: the vocabulary is empty", where);
  return bert_parts(std::move(tokens), config);
}

}  // namespace graft::texts
