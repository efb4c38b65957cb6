#include <gtest/gtest.h>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/gguf_tokenizer.h"
#include "tests/support/support.h"
#include "tests/unit/text/llama_cpp.h"

namespace graft::test {
namespace {

using io::parse_gguf_metadata;

std::filesystem::path vocabulary(const std::string& name) {
  return shared_dir() / "tokenizers/llama.cpp-vocab" / ("ggml-vocab-" + name + ".gguf");
}

class GgufTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GgufTokenizer, SameIdsAsLlamaCpp) {
  GRAFT_NEEDS_SHARED("tokenizers/llama.cpp-vocab");
  const auto tokenizer = io::read_gguf_tokenizer(vocabulary(GetParam()));
  expect_llama_cpp(tokenizer, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Files, GgufTokenizer,
                         testing::Values("bert-bge", "gpt-2", "llama-spm", "deepseek-coder"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GgufMetadata, EveryCutIsAnError) {
  GRAFT_NEEDS_SHARED("tokenizers/llama.cpp-vocab");
  const std::string all = read_file(vocabulary("bert-bge"), size_t{1} << 24);
  const auto bytes = [&](size_t size) {
    return std::span(reinterpret_cast<const uint8_t*>(all.data()), size);
  };
  EXPECT_EQ(
      std::get<std::string>(parse_gguf_metadata(bytes(all.size()), "x").at("tokenizer.ggml.model")),
      "bert");
  for (size_t size = 0; size < all.size() - 1; size += size < 400 ? 1 : 9973) {
    EXPECT_GRAFT_ERROR(parse_gguf_metadata(bytes(size), "cut.gguf"), ErrorCode::unreadable,
                       "cut.gguf");
  }
}

TEST(GgufTokenizer, DamagedVocabulariesAreRefused) {
  std::map<std::string, io::GgufValue> keys;
  const auto make = [&] { io::gguf_tokenizer(keys, "x.gguf"); };
  EXPECT_GRAFT_ERROR(make(), ErrorCode::unreadable, "tokens is missing");
  keys["tokenizer.ggml.tokens"] = std::vector<std::string>{"a", "b"};
  keys["tokenizer.ggml.model"] = std::string("rwkv");
  EXPECT_GRAFT_ERROR(make(), ErrorCode::unreadable, "'rwkv'; known: llama");
  keys["tokenizer.ggml.model"] = std::string("gpt2");
  keys["tokenizer.ggml.pre"] = std::string("tekken");
  EXPECT_GRAFT_ERROR(make(), ErrorCode::unreadable, "'tekken', whose pattern is not known");
  keys.erase("tokenizer.ggml.pre");
  keys["tokenizer.ggml.bos_token_id"] = uint64_t{7};
  EXPECT_GRAFT_ERROR(make(), ErrorCode::unreadable, "the id 7, but there are 2 tokens");
  keys.erase("tokenizer.ggml.bos_token_id");
  keys["tokenizer.ggml.scores"] = std::vector<double>{1};
  EXPECT_GRAFT_ERROR(make(), ErrorCode::unreadable, "1 scores");
}

}  // namespace
}  // namespace graft::test
