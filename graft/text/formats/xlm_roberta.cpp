#include <type_traits>

#include "graft/text/formats/formats.h"
#include "graft/text/formats/sentencepiece.h"

namespace graft::texts {
namespace {

constexpr size_t kOwn = 3;  // <unk>, <s> and </s>, with which the model's own pieces begin

}  // namespace

TokenizerParts parts_of_xlm_roberta(const std::string& bytes, const std::string& where,
                                    const TokenizerConfig& config) {
  using Type = SentencePieceModel::Type;
  SentencePieceModel model = read_sentencepiece(bytes, where);
  const bool usual = model.kind == SentencePieceModel::Kind::unigram &&
                     model.pieces.size() > kOwn && model.pieces[0] == "<unk>" &&
                     model.pieces[1] == "<s>" && model.pieces[2] == "</s>";
  if (!usual) {
    fail_unreadable(
        "{}: sentencepiece.bpe.model is known here as XLM-RoBERTa has it, a unigram model that "
        "begins with <unk>, <s> and </s>; give the tokenizer.json that transformers saves",
        where);
  }
  // fairseq's order: its own four tokens, then the pieces, then the mask.
  const auto begin_with = [](auto& list, std::remove_reference_t<decltype(list)> first) {
    list.erase(list.begin(), list.begin() + kOwn);
    list.insert(list.begin(), first.begin(), first.end());
  };
  begin_with(model.pieces, {"<s>", "<pad>", "</s>", "<unk>"});
  begin_with(model.scores, {0, 0, 0, 0});
  begin_with(model.types, {Type::control, Type::control, Type::control, Type::unknown});
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
    add_special(parts, content, std::string_view(content) == "<mask>");
  }
  return parts;
}

}  // namespace graft::texts
