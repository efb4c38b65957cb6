#include <algorithm>
#include <map>

#include "tests/unit/text_chat/golden.h"
#include "tests/unit/text_chat/records.h"

/// Records against transformers and TRL (tests/golden/chat/make_records.py).
namespace graft::texts {
namespace {

std::string digest_of(const Tokens& tokens) {
  std::string text;
  for (const int32_t id : tokens.ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return test::digest(text);
}

std::string mask_of(const Tokens& tokens) {
  std::string mask;
  for (const uint8_t learned : tokens.learned) mask += learned != 0 ? '1' : '0';
  return mask;
}

std::string trimmed(const std::string& text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

class RecordGolden : public ::testing::Test {
 protected:
  RecordGolden() : file_(read_json(test::golden_dir() / "records.json")) {}

  /// Opened once each.
  const test::TokenizerFolder& folder(const std::string& name) {
    auto& folder = folders_[name];
    const Json& tokens = file_.at("tokenizers").at(name);
    if (!folder) {
      folder =
          std::make_unique<test::TokenizerFolder>(name, tokens.at("bos_token").get<std::string>(),
                                                  tokens.at("eos_token").get<std::string>());
    }
    return *folder;
  }

  Preprocess preprocess(const std::string& name) {
    return folder(name).preprocess(
        file_.at("tokenizers").at(name).at("marks").get<std::vector<std::string>>());
  }

  Json file_;
  std::map<std::string, std::unique_ptr<test::TokenizerFolder>> folders_;
};

TEST_F(RecordGolden, ConversationsHaveTheTokensAndMasksOfTransformers) {
  int compared = 0;
  for (const Json& golden : file_.at("records")) {
    if (!golden.contains("template")) continue;
    const auto name = golden.at("tokenizer").get<std::string>();
    const auto source = golden.at("template").get<std::string>();
    const test::Case& one = test::case_named(golden.at("case").get<std::string>());
    ChatTemplates templates;
    templates.usual = std::make_shared<const ChatTemplate>(test::template_source(source), source);
    RecordOptions options;
    options.variables = one.options.variables;
    const Json tokens = file_.at("tokenizers").at(name);
    options.variables["bos_token"] = tokens.at("bos_token");
    options.variables["eos_token"] = tokens.at("eos_token");
    const RecordEncoder encoder(preprocess(name), templates, options);
    const Json record = {{"messages", one.messages}, {"tools", one.options.tools}};
    const Tokens made = encoder.apply(read_record(record));
    const std::string where = name + " / " + source + " / " + one.name;
    EXPECT_EQ(digest_of(made), golden.at("ids").get<std::string>()) << where;
    EXPECT_EQ(mask_of(made), golden.at("mask").get<std::string>()) << where;
    ++compared;
  }
  EXPECT_EQ(compared, 120);
}

TEST_F(RecordGolden, PromptsAndCompletionsHaveTheTokensAndMasksOfTrl) {
  int compared = 0, merged = 0;
  for (const Json& golden : file_.at("records")) {
    if (!golden.contains("prompt")) continue;
    const auto name = golden.at("tokenizer").get<std::string>();
    const RecordEncoder encoder(preprocess(name), {});
    const Tokens made = encoder.apply(
        read_record({{"prompt", golden.at("prompt")}, {"completion", golden.at("completion")}}));
    const std::string where = name + ": " + golden.dump();
    EXPECT_EQ(digest_of(made), golden.at("ids").get<std::string>()) << where;
    if (golden.at("mask").is_null()) {
      // A token across the border: TRL warns, and masks by count. Here it is learned.
      const auto first = std::find(made.learned.begin(), made.learned.end(), uint8_t{1});
      const std::vector<uint32_t> until(made.ids.begin(),
                                        made.ids.begin() + (first - made.learned.begin()) + 1);
      const auto prompt = golden.at("prompt").get<std::string>();
      const std::string text = encoder.preprocess().tokenizer->decode(until);
      EXPECT_NE(text.find(trimmed(prompt)), std::string::npos) << where;
      EXPECT_FALSE(text.ends_with(prompt)) << where;
      ++merged;
      continue;
    }
    std::string expected = golden.at("mask").get<std::string>();
    expected[0] = '0';  // nothing predicts it
    EXPECT_EQ(mask_of(made), expected) << where;
    ++compared;
  }
  EXPECT_EQ(compared, 23);
  EXPECT_EQ(merged, 7);
}

}  // namespace
}  // namespace graft::texts
