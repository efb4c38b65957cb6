#include <algorithm>

#include "graft/text/formats/formats.h"
#include "graft/text/formats/sentencepiece.h"

namespace graft::texts {
namespace {

constexpr size_t kOwn = 3;  // <unk>, <s> and </s>, with which the model's own pieces begin

}  // namespace

TokenizerParts parts_of_xlm_roberta(const std::string& bytes, const std::string& where,
                                    const TokenizerConfig& config) {
  using Type = SentencePieceModel::Type;
  const SentencePieceModel file = read_sentencepiece(bytes, where);
  const bool usual = file.kind == SentencePieceModel::Kind::unigram && file.pieces.size() > kOwn &&
                     file.pieces[0] == "<unk>" && file.pieces[1] == "<s>" &&
                     file.pieces[2] == "</s>";
  if (!usual) {
    fail_unreadable(
        "{}: sentencepiece.bpe.model is known here as XLM-RoBERTa has it, a unigram model that "
        "begins with <unk>, <s> and </s>; give the tokenizer.json that transformers saves",
        where);
  }
  // fairseq's order: its own four tokens, then the pieces, then the mask.
  SentencePieceModel model = file;
  model.pieces = {"<s>", "<pad>", "</s>", "<unk>"};
  model.scores.assign(4, 0);
  model.types = {Type::control, Type::control, Type::control, Type::unknown};
  const auto rest = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin() + kOwn, from.end());
  };
  rest(model.pieces, file.pieces);
  rest(model.scores, file.scores);
  rest(model.types, file.types);
  model.bos = 0;
  model.eos = 2;
  TokenizerParts parts = sentencepiece_parts(std::move(model), where, config);
  parts.post_processor = component_from(make_post_processor, {{"type", "RobertaProcessing"},
                                                              {"cls", TreeJson::array({"<s>", 0})},
                                                              {"sep", TreeJson::array({"</s>", 2})},
                                                              {"trim_offsets", true},
                                                              {"add_prefix_space", true}});
  const std::pair<const char*, const char*> tokens[] = {
      {"bos_token", "<s>"},    {"cls_token", "<s>"},   {"eos_token", "</s>"},
      {"sep_token", "</s>"},   {"unk_token", "<unk>"}, {"pad_token", "<pad>"},
      {"mask_token", "<mask>"}};
  for (const auto& [purpose, content] : tokens) {
    parts.special_tokens[purpose] = content;
    const auto same = [&](const AddedToken& token) { return token.content == content; };
    if (std::ranges::none_of(parts.added_tokens, same)) {
      const bool mask = std::string_view(content) == "<mask>";  // takes the blank before it
      parts.added_tokens.push_back({content, false, mask, false, false, true});
    }
  }
  return parts;
}

}  // namespace graft::texts
