#include <optional>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::texts {
namespace {

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What differs first, with a little around it.
std::string difference(const std::string& got, const std::string& expected) {
  size_t at = 0;
  while (at < got.size() && at < expected.size() && got[at] == expected[at]) ++at;
  const size_t begin = at < 60 ? 0 : at - 60;
  return "at byte " + std::to_string(at) + "\n got:      " + quoted(got.substr(begin, 140)) +
         "\n expected: " + quoted(expected.substr(begin, 140));
}

/// The rendered text; nothing (and the message) when the template refuses.
std::optional<std::string> rendered(const std::string& name, const test::Case& one, bool prompt,
                                    std::string* message = nullptr) {
  RenderOptions options = one.options;
  options.add_generation_prompt = prompt;
  try {
    return ChatTemplate(test::template_source(name), name).render(one.messages, options).text;
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return std::nullopt;
  }
}

TEST(ChatTemplate, EqualsTransformersByteForByte) {
  int texts = 0, errors = 0;
  for (const auto& file : glob_files((test::golden_dir() / "expected/*.json").string())) {
    const std::string name = file.stem();
    const Json expected = read_json(file);
    for (const test::Case& one : test::cases()) {
      for (const bool prompt : {false, true}) {
        const Json& wanted = expected.at(one.name).at(prompt ? 1 : 0);
        std::string message;
        const auto got = rendered(name, one, prompt, &message);
        const std::string where = name + " / " + one.name + (prompt ? " / prompt" : "");
        ++(wanted.is_object() ? errors : texts);
        if (wanted.is_object()) {
          EXPECT_FALSE(got) << where << " should fail: " << wanted.dump();
        } else if (!got) {
          ADD_FAILURE() << where << " fails: " << message;
        } else if (*got != wanted.get<std::string>()) {
          ADD_FAILURE() << where << " differs " << difference(*got, wanted.get<std::string>());
        }
      }
    }
  }
  std::printf("%d texts equal, %d conversations refused as Jinja2 does\n", texts, errors);
  EXPECT_GT(texts, 1000);
}

// Templates that are fetched, not kept: tests/golden/chat/fetch_templates.py.
TEST(ChatTemplate, EqualsTransformersOnFetchedTemplates) {
  const Json digests = read_json(test::golden_dir() / "digests.json");
  int templates = 0;
  for (const auto& [name, expected] : digests.items()) {
    if (test::template_source(name).empty()) continue;
    ++templates;
    std::string got;
    for (const test::Case& one : test::cases()) {
      for (const bool prompt : {false, true}) {
        const auto text = rendered(name, one, prompt);
        got += (got.empty() ? "" : " ") + (text ? test::digest(*text) : "error");
      }
    }
    EXPECT_EQ(got, expected.get<std::string>()) << name;
  }
  std::printf("%d of %zu templates are here\n", templates, digests.size());
  if (templates == 0) GTEST_SKIP() << "run tests/golden/chat/fetch_templates.py";
}

}  // namespace
}  // namespace graft::texts
