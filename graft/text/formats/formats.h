#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graft/text/tokenizer_parts.h"

namespace graft::texts {

/// The largest tokenizer file that is read; the largest known one has 33 MB.
inline constexpr size_t kMaxTokenizerFile = size_t{256} << 20;

/// What tokenizer_config.json of Hugging Face transformers says.
struct TokenizerConfig {
  std::string tokenizer_class;
  std::map<std::string, std::string> special_tokens;  ///< by purpose
  std::vector<std::string> more_special_tokens;       ///< without a purpose
  std::vector<AddedToken> added_tokens;               ///< in the order of their ids
  std::optional<bool> add_bos, add_eos;
  std::optional<bool> lowercase, strip_accents, separate_cjk;
  std::optional<bool> prefix_space, split_punctuation;
  bool clean_up_spaces = false;
};
TokenizerConfig read_tokenizer_config(const std::string& text, const std::string& where);

/// tokenizer.json of Hugging Face tokenizers.
TokenizerParts parts_of_json(const std::string& text, const std::string& where);
/// vocab.txt of BERT: a token a line.
TokenizerParts parts_of_bert(const std::string& lines, const std::string& where,
                             const TokenizerConfig& config);
/// The same for tokens that are at hand.
TokenizerParts bert_parts(std::vector<std::string> tokens, const TokenizerConfig& config);
/// vocab.json and merges.txt of GPT-2 or RoBERTa.
TokenizerParts parts_of_gpt2(const std::string& vocabulary, const std::string& merges,
                             const std::string& where, const TokenizerConfig& config);
/// sentencepiece.bpe.model of XLM-RoBERTa, with fairseq's ids (Conneau et al. 2020).
TokenizerParts parts_of_xlm_roberta(const std::string& bytes, const std::string& where,
                                    const TokenizerConfig& config);
/// A model of sentencepiece (BPE or unigram).
TokenizerParts parts_of_sentencepiece(const std::string& bytes, const std::string& where,
                                      const TokenizerConfig& config);
/// spm.model of DeBERTa (versions 2 and 3): a unigram model of sentencepiece, whose texts are
/// [CLS] A [SEP] or [CLS] A [SEP] B [SEP]; [MASK] is added to its pieces.
TokenizerParts parts_of_deberta(const std::string& bytes, const std::string& where,
                                const TokenizerConfig& config);
/// A vocabulary of tiktoken: lines of a token in base64 and its rank.
TokenizerParts parts_of_tiktoken(const std::string& lines, const std::string& where,
                                 const TokenizerConfig& config);

/// A template that puts `before` in front of each text and `behind` after it, either may be null.
std::unique_ptr<const PostProcessor> around(const SpecialToken* before, const SpecialToken* behind);

/// Calls `line(text, number)` for each line, without its end ("\n" or "\r\n").
template <typename Line>
void for_each_line(const std::string& text, Line line) {
  size_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view content(text.data() + at, end - at);
    if (content.ends_with('\r')) content.remove_suffix(1);
    line(content, number);
    at = end + 1;
  }
}

}  // namespace graft::texts
