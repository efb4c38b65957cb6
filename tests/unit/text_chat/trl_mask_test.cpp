#include "graft/base/error.h"
#include "graft/text/chat/mask.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::texts {
namespace {

std::string shown(const Masked& masked) {
  std::string text;
  size_t at = 0;
  for (const TrainedTurn& turn : masked.turns) {
    for (const ByteRange& range : turn.ranges) {
      text += masked.rendered.text.substr(at, range.begin - at) + "⟦" +
              masked.rendered.text.substr(range.begin, range.end - range.begin) + "⟧";
      at = range.end;
    }
  }
  return Json(text + masked.rendered.text.substr(at)).dump();
}

/// Every stretch that only one of the two trains: "+" the tags, "-" the rule.
std::vector<std::string> differences(const Masked& tags, const Masked& rule) {
  const std::string& text = tags.rendered.text;
  std::string marks(text.size(), '=');
  for (const auto& [masked, mark] : {std::pair{&tags, '+'}, {&rule, '-'}}) {
    for (const TrainedTurn& turn : masked->turns) {
      for (const ByteRange& range : turn.ranges) {
        for (size_t i = range.begin; i < range.end; ++i) marks[i] = marks[i] == '+' ? '=' : mark;
      }
    }
  }
  std::vector<std::string> found;
  for (size_t i = 0; i < text.size(); ++i) {
    if (marks[i] == '=') continue;
    if (i == 0 || marks[i - 1] != marks[i]) found.emplace_back(1, marks[i]);
    found.back() += text[i];
  }
  return found;
}

/// What the hand-made tags train beyond the rule, on purpose: white space behind the end mark,
/// parts of the generation prompt, pairs of tags with nothing inside, and (Phi 3) an eos_token
/// behind the conversation, which the last turn's own mark has ended already.
bool is_intended(std::string difference, const std::string& name) {
  if (difference[0] != '+') return false;
  difference.erase(0, 1);
  if (name.starts_with("trl__phi3") && difference.ends_with("</s>"))
    difference.resize(difference.size() - 4);
  for (const char* part :
       {"<think>", "</think>", "<|start|>assistant", "<｜Assistant｜>", "<｜tool▁outputs▁end｜>"}) {
    const size_t at = difference.find(part);
    if (at != std::string::npos) difference.erase(at, std::string(part).size());
  }
  return difference.find_first_not_of(" \n") == std::string::npos;
}

// TRL keeps, for many templates, a variant with {% generation %} tags put in by hand.
TEST(Mask, EqualsTheTagsThatTrlPutsInByHand) {
  int compared = 0, templates = 0;
  for (const std::string& tagged : test::template_names()) {
    if (!tagged.ends_with("_training")) continue;
    const std::string plain = tagged.substr(0, tagged.size() - 9);
    if (test::template_source(plain).empty()) continue;
    const ChatTemplate by_tags(test::template_source(tagged), tagged);
    const ChatTemplate by_rule(test::template_source(plain), plain);
    ++templates;
    for (const test::Case& one : test::cases()) {
      Masked tags, rule;
      try {
        tags = trained_text(by_tags, one.messages, one.options);
        rule = trained_text(by_rule, one.messages, one.options);
      } catch (const Error&) {
        continue;
      }
      if (tags.rendered.text != rule.rendered.text) continue;
      ++compared;
      for (const std::string& difference : differences(tags, rule)) {
        EXPECT_TRUE(is_intended(difference, plain))
            << plain << " / " << one.name << " " << difference << "\n rule: " << shown(rule)
            << "\n tags: " << shown(tags);
      }
    }
  }
  std::printf("%d conversations of %d templates compared\n", compared, templates);
  EXPECT_GT(compared, 50);
}

}  // namespace
}  // namespace graft::texts
