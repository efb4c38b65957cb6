#include "graft/text/formats/gguf_patterns.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "graft/base/error.h"
#include "graft/text/word_scanner.h"

namespace graft::texts {
namespace {

struct Family {
  std::vector<std::string_view> names;
  std::vector<std::string> patterns;  ///< applied one after the other
  bool ignore_merges = false;
  bool add_bos = false;
};

const std::vector<Family>& families() {
  const std::string gpt2 = pattern_text(WordPattern::gpt2);
  static const std::vector<Family> all{
      {{"gpt-2", "gpt2", "mpt", "olmo", "phi-2", "jais", "roberta-bpe", "jina-es", "jina-de",
        "jina-v1-en", "jina-v2-code"},
       {gpt2}},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3"},
       {pattern_text(WordPattern::cl100k)},
       true,
       true},
      {{"smaug-bpe", "dbrx"}, {pattern_text(WordPattern::cl100k)}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2"}, {pattern_text(WordPattern::one_digit)}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell"}, {R"(\p{N})", gpt2}},
      {{"deepseek-coder"},
       {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
        R"(\p{N})"}},
      // What llama.cpp takes where a file names none.
      {{"default"}, {R"([\p{P}\$\+<=>\^\~\|]+)", gpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}}};
  return all;
}

}  // namespace

GgufPattern gguf_pattern(const std::string& name, const std::string& where) {
  std::string known;
  for (const Family& family : families()) {
    if (std::ranges::find(family.names, name) == family.names.end()) {
      known += (known.empty() ? "" : ", ") + std::string(family.names.front());
      continue;
    }
    TreeJson steps = TreeJson::array();
    for (const std::string& pattern : family.patterns) {
      steps.push_back({{"type", "Split"},
                       {"pattern", {{"Regex", pattern}}},
                       {"behavior", "Isolated"},
                       {"invert", false}});
    }
    steps.push_back({{"type", "ByteLevel"},
                     {"add_prefix_space", false},
                     {"trim_offsets", true},
                     {"use_regex", false}});
    return {{{"type", "Sequence"}, {"pretokenizers", steps}}, family.ignore_merges, family.add_bos};
  }
  fail_unreadable(
      "{}: tokenizer.ggml.pre is '{}', whose pattern is not known here; known: {} and names for "
      "the "
      "same patterns. A tokenizer.json of the model can be used instead",
      where, name, known);
}

}  // namespace graft::texts
