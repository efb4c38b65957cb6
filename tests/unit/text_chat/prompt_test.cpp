#include "graft/text/chat/prompt.h"

#include <gtest/gtest.h>

#include "graft/text/chat/builtin.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

/// stories260K's tokenizer with these special tokens as well.
std::shared_ptr<Tokenizer> tokenizer_with(const std::vector<std::string>& tokens) {
  auto tokenizer = std::make_shared<Tokenizer>(
      Tokenizer::open(test::source_dir() / "examples" / "models" / "stories260K"));
  std::vector<AddedToken> added;
  for (const auto& token : tokens) added.push_back({.content = token, .special = true});
  tokenizer->add_tokens(added);
  return tokenizer;
}

ChatPrompt prompt_of(const std::string& name, const std::vector<std::string>& tokens) {
  ChatTemplates templates;
  templates.usual = std::make_shared<const ChatTemplate>(builtin_template(name));
  RenderOptions options;
  options.variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  return {tokenizer_with(tokens), templates, options};
}

TEST(ChatPrompt, EndsOfTurns) {
  const auto chatml = prompt_of("chatml", {"<|im_start|>", "<|im_end|>"});
  EXPECT_EQ(chatml.end_token(), 513U);
  EXPECT_EQ(chatml.end_text(), "");
  // Where the tokenizer does not have it as a token, the text ends the turn.
  const auto spelled = prompt_of("chatml", {});
  EXPECT_FALSE(spelled.end_token().has_value());
  EXPECT_EQ(spelled.end_text(), "<|im_end|>");
  for (const char* name : {"mistral", "zephyr", "vicuna", "llama-2", "alpaca"})
    EXPECT_EQ(prompt_of(name, {}).end_token(), 2U) << name;
  EXPECT_EQ(prompt_of("gemma", {"<end_of_turn>"}).end_token(), 512U);
  EXPECT_EQ(prompt_of("llama-3", {"<|eot_id|>"}).end_token(), 512U);
  EXPECT_EQ(prompt_of("phi-3", {"<|end|>"}).end_token(), 512U);
}

TEST(ChatPrompt, ConversationsOpenTheAnswer) {
  const auto tokenizer = tokenizer_with({"<|im_start|>", "<|im_end|>"});
  const auto chat = prompt_of("chatml", {"<|im_start|>", "<|im_end|>"});
  const Json messages = {{{"role", "user"}, {"content", "Hello"}}};
  const auto ids = chat.tokens(messages);
  EXPECT_EQ(ids, tokenizer
                     ->encode("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
                              {.add_special = false})
                     .ids);
  EXPECT_EQ(ids.front(), 512U);
  // One bos_token where the template writes it, although the tokenizer would put one there too.
  const auto llama = prompt_of("llama-3", {}).tokens(messages);
  EXPECT_EQ(llama[0], 1U);
  EXPECT_NE(llama[1], 1U);
}

}  // namespace
}  // namespace graft::texts
