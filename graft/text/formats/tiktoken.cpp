#include <fmt/format.h>

#include <charconv>
#include <unordered_map>

#include "graft/text/base64.h"
#include "graft/text/byte_alphabet.h"
#include "graft/text/formats/formats.h"
#include "graft/text/models/bpe.h"
#include "graft/text/word_scanner.h"

namespace graft::texts {
namespace {

constexpr uint32_t kLlama3 = 128'000;
constexpr uint32_t kCl100k = 100'256;
constexpr uint32_t kMostTokens = uint32_t{1} << 22;
constexpr size_t kLongestToken = 1024;

/// The special tokens of Llama 3 (its tokenizer.py), behind the 128,000 of the file.
std::vector<std::string> llama3_specials() {
  std::vector<std::string> all{"<|begin_of_text|>",
                               "<|end_of_text|>",
                               "<|reserved_special_token_0|>",
                               "<|reserved_special_token_1|>",
                               "<|reserved_special_token_2|>",
                               "<|reserved_special_token_3|>",
                               "<|start_header_id|>",
                               "<|end_header_id|>",
                               "<|reserved_special_token_4|>",
                               "<|eot_id|>"};
  constexpr int kReserved = 251;
  for (int i = 5; i < kReserved; ++i)
    all.push_back(fmt::format("<|reserved_special_token_{}|>", i));
  return all;
}

std::vector<std::string> read_tokens(const std::string& lines, const std::string& where) {
  std::vector<std::string> tokens;
  for_each_line(lines, [&](std::string_view line, size_t number) {
    if (line.empty()) return;
    const size_t space = line.find(' ');
    const auto bytes = decode_base64(line.substr(0, space));
    uint32_t rank = 0;
    const std::string_view digits = space == std::string_view::npos ? "" : line.substr(space + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (!bytes || bytes->empty() || bytes->size() > kLongestToken || error != std::errc() ||
        end != digits.data() + digits.size() || rank >= kMostTokens) {
      fail_unreadable("{}, line {}: a token in base64 and its rank were expected", where, number);
    }
    if (rank != tokens.size()) {
      fail_unreadable("{}, line {}: rank {} was expected, but it is {}", where, number,
                      tokens.size(), rank);
    }
    tokens.push_back(*bytes);
  });
  return tokens;
}

std::string in_alphabet(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += byte_alphabet().utf8[static_cast<uint8_t>(c)];
  return text;
}

/// tiktoken joins the neighbours that form the token of the lowest rank: every way to cut a token
/// into two is a merge of that rank.
std::vector<Merge> merges_of(const std::vector<std::string>& tokens) {
  StringMap ranks;
  ranks.reserve(tokens.size());
  for (uint32_t i = 0; i < tokens.size(); ++i) ranks.set(tokens[i], i);
  std::vector<Merge> merges;
  for (uint32_t rank = 0; rank < tokens.size(); ++rank) {
    const std::string_view token = tokens[rank];
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ranks.find(token.substr(0, cut));
      if (!left) continue;
      if (const auto right = ranks.find(token.substr(cut)))
        merges.push_back({*left, *right, rank, rank});
    }
  }
  return merges;
}

}  // namespace

TokenizerParts parts_of_tiktoken(const std::string& lines, const std::string& where,
                                 const TokenizerConfig& config) {
  std::vector<std::string> tokens = read_tokens(lines, where);
  const auto count = static_cast<uint32_t>(tokens.size());
  const std::vector<Merge> merges = merges_of(tokens);
  for (std::string& token : tokens) token = in_alphabet(token);
  BpeOptions options;
  options.ignore_merges = true;
  TokenizerParts parts;
  parts.model = make_bpe(Vocabulary(std::move(tokens)), merges, options);
  const TreeJson split = {{"type", "Split"},
                          {"pattern", {{"Regex", pattern_text(WordPattern::cl100k)}}},
                          {"behavior", "Isolated"},
                          {"invert", false}};
  const TreeJson bytes = {{"type", "ByteLevel"},
                          {"add_prefix_space", false},
                          {"trim_offsets", true},
                          {"use_regex", false}};
  parts.pre_tokenizer =
      component_from(make_pre_tokenizer,
                     {{"type", "Sequence"}, {"pretokenizers", TreeJson::array({split, bytes})}});
  parts.decoder = component_from(make_decoder, bytes);
  std::vector<std::string> specials;
  if (count == kLlama3) specials = llama3_specials();
  if (count == kCl100k) specials = {"<|endoftext|>"};
  if (config.added_tokens.empty()) {
    for (const std::string& token : specials)
      parts.added_tokens.push_back({token, false, false, false, false, true});
  }
  if (count == kLlama3) {
    parts.special_tokens["bos_token"] = specials[0];
    parts.special_tokens["eos_token"] = specials[1];
    const SpecialToken bos{specials[0], kLlama3};
    if (config.add_bos.value_or(true)) parts.post_processor = around(&bos, nullptr);
  }
  return parts;
}

}  // namespace graft::texts
