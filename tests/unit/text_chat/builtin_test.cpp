#include "graft/text/chat/builtin.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "graft/base/error.h"
#include "graft/text/chat/mask.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::texts {
namespace {

std::vector<std::string> plain_cases() {
  return {"single", "pair", "system_pair", "turns", "empty", "unicode", "special", "closed_turns"};
}

/// What the published template renders is known by its digests, or as text.
void compare(const std::string& builtin, const std::string& published,
             const std::vector<std::string>& names) {
  static const Json digests = read_json(test::golden_dir() / "digests.json");
  std::istringstream words(digests.at(published).get<std::string>());
  const ChatTemplate ours = builtin_template(builtin);
  for (const test::Case& one : test::cases()) {
    for (const bool prompt : {false, true}) {
      std::string expected;
      words >> expected;
      if (std::find(names.begin(), names.end(), one.name) == names.end()) continue;
      RenderOptions options = one.options;
      options.add_generation_prompt = prompt;
      const std::string text = ours.render(one.messages, options).text;
      EXPECT_EQ(test::digest(text), expected) << builtin << " / " << one.name << "\n" << text;
    }
  }
}

TEST(Builtin, EqualsPublishedTemplates) {
  compare("llama-3", "trl__llama3", plain_cases());
  compare("gemma", "trl__gemma", {"single", "pair", "closed_turns", "special"});
  compare("gemma", "trl__gemma3", {"single", "pair", "system_pair", "turns"});
  const ChatTemplate chatml(test::template_source("axolotl__chatml"), "axolotl__chatml");
  for (const std::string& name : plain_cases()) {
    const test::Case& one = test::case_named(name);
    EXPECT_EQ(builtin_template("chatml").render(one.messages, one.options).text,
              chatml.render(one.messages, one.options).text);
  }
}

TEST(Builtin, SaysWhatIsExpected) {
  const std::map<std::string, std::string> expected{
      {"chatml",
       "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n"
       "<|im_start|>assistant\n4<|im_end|>\n"},
      {"llama-2", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nWhat is 2+2? [/INST] 4 </s>"},
      {"llama-3",
       "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
       "<|start_header_id|>user<|end_header_id|>\n\nWhat is 2+2?<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\n4<|eot_id|>"},
      {"zephyr", "<|system|>\nBe brief.</s>\n<|user|>\nWhat is 2+2?</s>\n<|assistant|>\n4</s>\n"},
      {"gemma",
       "<s><start_of_turn>user\nBe brief.\n\nWhat is 2+2?<end_of_turn>\n"
       "<start_of_turn>model\n4<end_of_turn>\n"},
      {"phi-3",
       "<|system|>\nBe brief.<|end|>\n<|user|>\nWhat is 2+2?<|end|>\n<|assistant|>\n4<|end|>\n"},
      {"phi-4",
       "<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>What is "
       "2+2?<|im_end|><|im_start|>assistant<|im_sep|>4<|im_end|>"},
      {"mistral", "<s>[INST] Be brief.\n\nWhat is 2+2? [/INST] 4</s>"},
      {"alpaca", "<s>Be brief.\n\n### Instruction:\nWhat is 2+2?\n\n### Response:\n4</s>\n\n"},
      {"vicuna", "<s>Be brief. USER: What is 2+2? ASSISTANT: 4</s>"}};
  const test::Case& one = test::case_named("system_pair");
  for (const BuiltinTemplate& built : builtin_templates()) {
    EXPECT_EQ(builtin_template(built.name).render(one.messages, one.options).text,
              expected.at(built.name))
        << built.name;
  }
}

TEST(Builtin, TrainsTheAnswerAndItsEnd) {
  const test::Case& one = test::case_named("closed_turns");
  for (const BuiltinTemplate& built : builtin_templates()) {
    const Masked masked = trained_text(builtin_template(built.name), one.messages, one.options);
    ASSERT_EQ(masked.turns.size(), 2u);
    const std::string end = built.end_of_turn.empty() ? "</s>" : built.end_of_turn;
    for (const TrainedTurn& turn : masked.turns) {
      ASSERT_EQ(turn.ranges.size(), 1u) << built.name;
      EXPECT_TRUE(turn.has_end);
      const ByteRange range = turn.ranges[0];
      std::string said = masked.rendered.text.substr(range.begin, range.end - range.begin);
      if (said[0] == ' ') said.erase(0, 1);  // llama-2, mistral, vicuna: part of the first token
      const std::string content = one.messages[turn.message].at("content");
      const std::string blank = built.name == "llama-2" ? " " : "";
      EXPECT_EQ(said, fmt::format("{}{}{}", content, blank, end)) << built.name;
    }
    EXPECT_TRUE(rewritten_turns(builtin_template(built.name), one.messages, one.options).empty());
  }
}

TEST(Builtin, TakesPartsAndNamesTheNearest) {
  for (const BuiltinTemplate& built : builtin_templates()) {
    const test::Case& one = test::case_named("parts");
    const std::string text = builtin_template(built.name).render(one.messages, one.options).text;
    EXPECT_NE(text.find("One two"), std::string::npos) << text;
    EXPECT_FALSE(built.summary.empty());
    EXPECT_FALSE(built.source.empty());
  }
  EXPECT_GRAFT_ERROR(builtin_template("llama3"), ErrorCode::usage, "did you mean 'llama-3'");
}

}  // namespace
}  // namespace graft::texts
