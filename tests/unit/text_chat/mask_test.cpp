#include "graft/text/chat/mask.h"

#include "graft/base/error.h"
#include "graft/text/chat/builtin.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::texts {
namespace {

std::vector<std::string> trained(const Masked& masked) {
  std::vector<std::string> parts;
  for (const TrainedTurn& turn : masked.turns) {
    for (const ByteRange& range : turn.ranges)
      parts.push_back(masked.rendered.text.substr(range.begin, range.end - range.begin));
  }
  return parts;
}

using Parts = std::vector<std::string>;

Parts trained(const std::string& name, const std::string& case_name, const MaskOptions& mask = {}) {
  const test::Case& one = test::case_named(case_name);
  return trained(trained_text(ChatTemplate(test::template_source(name), name), one.messages,
                              one.options, mask));
}

TEST(Mask, TrainsContentThoughtsAndCalls) {
  EXPECT_EQ(trained("trl__qwen2_5", "closed_turns"), (Parts{"Two.<|im_end|>", "Four.<|im_end|>"}));
  EXPECT_EQ(trained("trl__qwen3", "thinking"),
            (Parts{"4<|im_end|>", "<think>\nThree and three.\n</think>\n\n6<|im_end|>"}));
  EXPECT_EQ(trained("trl__qwen3", "pair"), (Parts{"It is 4.<|im_end|>"}));
  EXPECT_EQ(trained("trl__qwen2_5", "tool_calls").front(),
            "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
            "\"Rom\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n"
            "</tool_call><|im_end|>");
  EXPECT_EQ(
      trained("trl__gptoss", "thinking").back(),
      "<|channel|>analysis<|message|>Three and three.\n<|end|><|start|>assistant<|channel|>final"
      "<|message|>6<|return|>");
  EXPECT_EQ(trained("axolotl__mistral_v1", "closed_turns"), (Parts{" Two.</s>", " Four.</s>"}));
  EXPECT_EQ(trained("trl__glm4moe", "closed_turns").front(), "Two.<|user|>");
}

TEST(Mask, WithoutAPromptWhatAPlainAnswerLacksIsTheModelsOwn) {
  // Mistral's template gives a model nothing before it speaks.
  const Json call = {{"role", "assistant"},
                     {"content", ""},
                     {"tool_calls",
                      {{{"id", "call12345"},
                        {"type", "function"},
                        {"function", {{"name", "get"}, {"arguments", {{"n", 3}}}}}}}}};
  const Json messages = {{{"role", "user"}, {"content", "w?"}}, call};
  const ChatTemplate mistral(test::template_source("axolotl__mistral_v2v3"), "mistral");
  RenderOptions options;
  options.variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  const Parts parts = trained(trained_text(mistral, messages, options));
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_TRUE(parts[0].find("[TOOL_CALLS]") < 2) << parts[0];
  // One that has a header, and thoughts before the answer.
  const ChatTemplate thinks(
      "{% for m in messages %}<|{{ m.role }}|>\n{% if m.thinking is defined %}<think>\n"
      "{{ m.thinking }}</think>\n{% endif %}{{ m.content }}<|end|>\n{% endfor %}",
      "thinks");
  const Json thought = {{{"role", "user"}, {"content", "w?"}},
                        {{"role", "assistant"}, {"content", "It."}, {"thinking", "Hm."}}};
  EXPECT_EQ(trained(trained_text(thinks, thought, {})),
            (Parts{"<think>\nHm.</think>\nIt.<|end|>"}));
  EXPECT_EQ(
      trained(trained_text(thinks, {thought[0], {{"role", "assistant"}, {"content", "It."}}}, {})),
      (Parts{"It.<|end|>"}));
}

TEST(Mask, AContentThatLooksLikeTheEndOfATurnChangesNothing) {
  EXPECT_EQ(trained("trl__qwen2_5", "special"),
            (Parts{"<|im_end|> </s> <end_of_turn>\nuser\n<|im_end|>"}));
}

TEST(Mask, AnEmptyAnswerTrainsItsEnd) {
  EXPECT_EQ(trained("trl__qwen2_5", "empty"), (Parts{"<|im_end|>"}));
  EXPECT_EQ(trained("trl__phi3", "empty"), (Parts{"<|end|>"}));
}

TEST(Mask, OptionsChooseRolesTurnsAndEnds) {
  EXPECT_EQ(trained("trl__qwen2_5", "closed_turns", {.last_only = true}),
            (Parts{"Four.<|im_end|>"}));
  EXPECT_EQ(trained("trl__qwen2_5", "closed_turns", {.end_of_turn = false}),
            (Parts{"Two.", "Four."}));
  EXPECT_EQ(trained("trl__qwen2_5", "pair", {.roles = {"user"}}),
            (Parts{"What is 2+2?<|im_end|>"}));
}

TEST(Mask, SaysWhenNothingEndsATurn) {
  const ChatTemplate chat(
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}", "plain");
  const test::Case& one = test::case_named("pair");
  const Masked masked = trained_text(chat, one.messages, one.options);
  EXPECT_EQ(trained(masked), (Parts{"It is 4."}));
  EXPECT_FALSE(masked.turns[0].has_end);
}

TEST(Mask, KeepsToGenerationTags) {
  const ChatTemplate chat(
      "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}"
      "{{ m.content }}</a>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
      "tagged");
  const test::Case& one = test::case_named("closed_turns");
  const Masked masked = trained_text(chat, one.messages, one.options);
  EXPECT_TRUE(masked.by_generation_tags);
  EXPECT_EQ(trained(masked), (Parts{"Two.</a>", "Four.</a>"}));
  EXPECT_TRUE(masked.turns[0].has_end);
}

// transformers counts characters, and joins nothing.
std::string characters(const std::string& text, size_t begin, size_t end) {
  std::string part;
  size_t index = 0;
  for (const char c : text) {
    const bool starts = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts) ++index;
    if (index > begin && index <= end) part += c;
  }
  return part;
}

TEST(Mask, GenerationTagsMarkWhatTransformersMarks) {
  const Json marks = read_json(test::golden_dir() / "marks.json");
  int compared = 0;
  for (const auto& [name, by_case] : marks.items()) {
    const ChatTemplate chat(test::template_source(name), name);
    for (const auto& [case_name, ranges] : by_case.items()) {
      const test::Case& one = test::case_named(case_name);
      Rendered rendered;
      try {
        rendered = chat.render(one.messages, one.options);
      } catch (const Error&) {
        continue;
      }
      std::string got, expected;
      for (const SourceSpan& span : rendered.spans) {
        if (span.generated) got += rendered.text.substr(span.begin, span.end - span.begin);
      }
      for (const Json& range : ranges)
        expected += characters(rendered.text, range.at(0).get<size_t>(), range.at(1).get<size_t>());
      EXPECT_EQ(got, expected) << name << " / " << case_name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 50);
}

TEST(Mask, FindsTurnsThatAreRewritten) {
  const auto rewritten = [](const std::string& name, const std::string& case_name) {
    const test::Case& one = test::case_named(case_name);
    return rewritten_turns(ChatTemplate(test::template_source(name), name), one.messages,
                           one.options);
  };
  EXPECT_EQ(rewritten("trl__qwen3", "thinking"), (std::vector<int>{1}));
  EXPECT_EQ(rewritten("trl__qwen3", "thinking_inline"), (std::vector<int>{1}));
  EXPECT_EQ(rewritten("trl__qwen2_5", "closed_turns"), (std::vector<int>{}));
  EXPECT_EQ(rewritten("axolotl__chatml", "turns"), (std::vector<int>{}));
  EXPECT_EQ(rewritten("trl__gptoss", "closed_turns"), (std::vector<int>{1}));  // <|return|>
  EXPECT_EQ(rewritten("trl__phi3", "closed_turns"), (std::vector<int>{}));
}

}  // namespace
}  // namespace graft::texts
