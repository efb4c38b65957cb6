#include "graft/text/chat/template_tokens.h"

#include "graft/text/chat/builtin.h"
#include "tests/unit/text_chat/golden.h"
#include "tests/unit/text_chat/records.h"

namespace graft::texts {
namespace {

using Names = std::vector<std::string>;

Names unknown(const std::string& source, const Names& known) {
  const test::TokenizerFolder folder("gpt4");
  const Json messages = {{{"role", "user"}, {"content", "<|of_the_text|> <b_of_c>"}},
                         {{"role", "assistant"}, {"content", "yes"}}};
  return unknown_markers(ChatTemplate(source, "t").render(messages),
                         *folder.preprocess(known).tokenizer);
}

TEST(TemplateTokens, AreThoseTheTemplateWritesAndTheTokenizerLacks) {
  const std::string source =
      "{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ '\n' ~ m.content }}<|im_end|>"
      "{{ '<|' ~ m.role ~ '|>' }}{% endfor %}<end_of_turn><tools></s> 1 < 2 <|\n|>";
  EXPECT_EQ(unknown(source, {}),
            (Names{"<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<end_of_turn>"}));
  EXPECT_EQ(unknown(source, {"<|im_start|>", "<|user|>", "<|assistant|>"}),
            (Names{"<|im_end|>", "<end_of_turn>"}));
  EXPECT_EQ(unknown("{% for m in messages %}<｜User｜>{{ m.content }}{% endfor %}", {}),
            (Names{"<｜User｜>"}));
  EXPECT_TRUE(
      unknown("{% for m in messages %}[INST]{{ m.content }}[/INST]{% endfor %}", {}).empty());
}

TEST(TemplateTokens, AreNotedByTheEncoder) {
  const test::TokenizerFolder folder("gpt4", "<|endoftext|>", "<|endoftext|>");
  folder.write("chat_template.jinja", test::template_source("trl__qwen2_5"));
  const auto note = [&](const Names& marks) {
    const RecordEncoder encoder(folder.preprocess(marks), open_chat_template(folder.path()));
    std::string all;
    for (const std::string& one : encoder.notes()) all += one + "\n";
    return all;
  };
  EXPECT_NE(note({}).find("writes <|im_start|>, <|im_end|>, which the tokenizer does not know"),
            std::string::npos)
      << note({});
  EXPECT_EQ(note({"<|im_start|>", "<|im_end|>"}).find("add_tokens"), std::string::npos);
}

}  // namespace
}  // namespace graft::texts
