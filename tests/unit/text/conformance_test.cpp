#include <fmt/format.h>
#include <gtest/gtest.h>

#include "graft/text/decoder.h"
#include "graft/text/tokenizer.h"
#include "tests/support/support.h"
#include "tests/unit/text/golden.h"
#include "tests/unit/text/llama_cpp.h"

/// Vectors that others made, in ../shared/tokenizers.
namespace graft::test {
namespace {

using texts::EncodeOptions;
using texts::Tokenizer;

std::filesystem::path shared(const std::string& path) {
  return shared_dir() / "tokenizers" / path;
}

constexpr EncodeOptions kPlain{.add_special = false};

TEST(TokenizerVectors, SquadQuestionsWithBert) {
  GRAFT_NEEDS_SHARED("tokenizers/bert-base-uncased/vocab.txt");
  const Tokenizer tokenizer = Tokenizer::open(shared("bert-base-uncased"));
  const auto questions =
      read_json_gz(shared("bert-base-uncased/test-vectors/question_tokens.json.gz"));
  const auto ids =
      read_json_gz(shared("bert-base-uncased/test-vectors/tokenized_questions.json.gz"));
  ASSERT_EQ(questions.size(), 10'570U);
  size_t equal = 0;
  for (size_t i = 0; i < questions.size(); ++i) {
    const auto text = questions[i].at("original").get<std::string>();
    const auto encoding = tokenizer.encode(text, kPlain);
    const bool same =
        encoding.ids == ids[i].get<std::vector<uint32_t>>() &&
        encoding.tokens == questions[i].at("wordpiece").get<std::vector<std::string>>();
    equal += same ? 1 : 0;
    EXPECT_TRUE(same) << text;
  }
  EXPECT_EQ(equal, questions.size());
}

struct Vocabulary {
  const char* vectors;  ///< ggml-vocab-<this>.gguf.inp and .out
  const char* path;     ///< of the tokenizer
};

class LlamaCpp : public testing::TestWithParam<Vocabulary> {};

TEST_P(LlamaCpp, SameIds) {
  GRAFT_NEEDS_SHARED("tokenizers/llama.cpp-vocab");
  const Tokenizer tokenizer = Tokenizer::open(shared(GetParam().path));
  expect_llama_cpp(tokenizer, GetParam().vectors);
}

INSTANTIATE_TEST_SUITE_P(Files, LlamaCpp,
                         testing::Values(Vocabulary{"gpt-2", "gpt2"},
                                         Vocabulary{"roberta-bpe", "roberta-base"},
                                         Vocabulary{"llama-spm", "llama2/tokenizer.model"},
                                         Vocabulary{"phi-3", "llama2/tokenizer.model"},
                                         Vocabulary{"llama-bpe", "llama3/tokenizer.model"}),
                         [](const auto& param) {
                           std::string name = param.param.vectors;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

struct Model {
  const char* name;  ///< in tokenizer_tests.json
  const char* path;
  bool cleans_up;  ///< vectors were made with clean_up_tokenization_spaces, which no file says
};

class HuggingFace : public testing::TestWithParam<Model> {};

TEST_P(HuggingFace, SameIdsAndTexts) {
  GRAFT_NEEDS_SHARED("tokenizers/hf-test-vectors");
  const Tokenizer tokenizer = Tokenizer::open(shared(GetParam().path));
  const auto all = nlohmann::json::parse(read_text(shared("hf-test-vectors/tokenizer_tests.json")));
  const auto& vectors = all.at(GetParam().name);
  EXPECT_GE(vectors.size(), 18U);
  for (const auto& vector : vectors) {
    const auto text = vector.at("input").get<std::string>();
    const auto expected = vector.at("encoded").at("input_ids").get<std::vector<uint32_t>>();
    EXPECT_EQ(tokenizer.encode(text).ids, expected) << shown(text);
    EXPECT_EQ(tokenizer.encode(text, {.ids_only = true}).ids, expected) << shown(text);
    const auto decode = [&](bool skip) {
      const std::string decoded = tokenizer.decode(expected, skip);
      return GetParam().cleans_up ? texts::clean_up_spaces(decoded) : decoded;
    };
    EXPECT_EQ(decode(false), vector.at("decoded_with_special").get<std::string>()) << shown(text);
    EXPECT_EQ(decode(true), vector.at("decoded_without_special").get<std::string>()) << shown(text);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, HuggingFace,
    testing::Values(
        Model{"bert-base-uncased", "bert-base-uncased", true},
        Model{"google-bert/bert-base-uncased", "bert-base-uncased", true},
        Model{"distilgpt2", "gpt2", true},
        Model{"coreml-projects/Llama-2-7b-chat-coreml", "llama2/tokenizer.model", false},
        Model{"t5-base", "t5-small/tokenizer.json", false},
        Model{"t5-base", "t5-small/spiece.model", false},
        Model{"pcuenq/Llama-3.2-1B-Instruct-tokenizer", "llama3/tokenizer.model", true}),
    [](const auto& param) {
      std::string name = fmt::format("{}_{}", param.param.name, param.param.path);
      std::ranges::replace_if(name, [](char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

TEST(TokenizerVectors, SentencePieceAndTiktoken) {
  constexpr EncodeOptions kText{.add_special = false, .parse_special = false};
  for (const auto& [path, packed] : golden().at("reference").items()) {
    SCOPED_TRACE(path);
    const bool own = path.starts_with("small/");
    const auto folder = own ? source_dir() / "tests/golden/tokenizers" : shared_dir();
    if (!own && missing_shared(folder / path)) continue;
    const Tokenizer tokenizer = Tokenizer::open(folder / path);
    const auto hashes = unpack(packed);
    int wrong = 0;
    for (size_t i = 0; i < hashes.size(); ++i) {
      texts::Encoding encoding = tokenizer.encode(golden_texts()[i], kText);
      texts::Encoding ids;
      ids.ids = encoding.ids;
      if (hash_of(ids) != hashes[i] && ++wrong < 5)
        ADD_FAILURE() << "text " << i << " " << shown(golden_texts()[i]) << "\n" << shown(encoding);
    }
    EXPECT_EQ(wrong, 0) << "of " << hashes.size();
  }
}

}  // namespace
}  // namespace graft::test
