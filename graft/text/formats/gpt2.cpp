#include <algorithm>

#include "graft/text/formats/formats.h"
#include "graft/text/models/bpe.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

bool is_roberta(const TokenizerConfig& config, const Vocabulary& vocabulary) {
  if (!config.tokenizer_class.empty())
    return config.tokenizer_class.find("oberta") != std::string::npos;
  return vocabulary.id("<s>") && vocabulary.id("</s>") && vocabulary.id("<mask>");
}

void put_roberta(TokenizerParts& parts, bool prefix_space) {
  const auto id = [&](const char* token) {
    return TreeJson::array({token, parts.model->vocabulary().id(token).value_or(0)});
  };
  parts.post_processor = component_from(make_post_processor, {{"type", "RobertaProcessing"},
                                                              {"cls", id("<s>")},
                                                              {"sep", id("</s>")},
                                                              {"trim_offsets", true},
                                                              {"add_prefix_space", prefix_space}});
  constexpr std::pair<const char*, const char*> kSpecials[] = {
      {"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},   {"cls_token", "<s>"},
      {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}};
  for (const auto& [purpose, token] : kSpecials) {
    parts.special_tokens[purpose] = token;
    const bool mask = std::string_view(purpose) == "mask_token";
    parts.added_tokens.push_back({token, false, mask, false, false, true});
  }
}

}  // namespace

TokenizerParts parts_of_gpt2(const std::string& vocabulary_text, const std::string& merges_text,
                             const std::string& where, const TokenizerConfig& config) {
  const TreeJson tree = parse_tree(vocabulary_text, where);
  Vocabulary vocabulary = Vocabulary::read(Node(tree, where));
  const std::string merges_where = where + " with merges.txt";
  if (!is_valid_utf8(merges_text)) fail_unreadable("{}: the merges are not UTF-8", merges_where);
  std::vector<Merge> merges;
  for_each_line(merges_text, [&](std::string_view line, size_t number) {
    if (line.starts_with("#version") || line.empty()) return;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail_unreadable("{}, line {}: '{}' is not two tokens with one space between", merges_where,
                      number, line);
    }
    merges.push_back(merge_of(vocabulary, line.substr(0, space), line.substr(space + 1),
                              static_cast<uint32_t>(merges.size()), 0, merges_where));
  });
  TokenizerParts parts;
  const bool roberta = is_roberta(config, vocabulary);
  const bool prefix_space = config.prefix_space.value_or(false);
  const TreeJson byte_level = {{"type", "ByteLevel"},
                               {"add_prefix_space", prefix_space},
                               {"trim_offsets", true},
                               {"use_regex", true}};
  parts.pre_tokenizer = component_from(make_pre_tokenizer, byte_level);
  parts.decoder = component_from(make_decoder, byte_level);
  BpeOptions options;
  if (vocabulary.id("<|endoftext|>")) options.unknown = "<|endoftext|>";
  parts.model = make_bpe(std::move(vocabulary), merges, options);
  if (roberta) {
    put_roberta(parts, prefix_space);
  } else {
    // GPT-2 leaves white space in offsets.
    TreeJson processing = byte_level;
    processing["trim_offsets"] = false;
    parts.post_processor = component_from(make_post_processor, processing);
    if (options.unknown) {
      for (const char* purpose : {"bos_token", "eos_token", "unk_token"})
        parts.special_tokens[purpose] = *options.unknown;
      parts.added_tokens.push_back({*options.unknown, false, false, false, false, true});
    }
  }
  return parts;
}

}  // namespace graft::texts
