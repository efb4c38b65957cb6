#include "graft/base/error.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::text {
namespace {

/// What differs first, with a little around it.
std::string difference(const std::string& got, const std::string& expected) {
  size_t at = 0;
  while (at < got.size() && at < expected.size() && got[at] == expected[at]) ++at;
  const size_t begin = at < 60 ? 0 : at - 60;
  return "at byte " + std::to_string(at) + "\n got:      " + Json(got.substr(begin, 140)).dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n expected: " + Json(expected.substr(begin, 140)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void compare(const std::string& source, const std::string& name, const test::Case& one, bool prompt,
             const Json& expected) {
  RenderOptions options = one.options;
  options.add_generation_prompt = prompt;
  const std::string where = name + " / " + one.name + (prompt ? " / prompt" : "");
  try {
    const std::string got = ChatTemplate(source, name).render(one.messages, options).text;
    if (expected.is_object()) {
      ADD_FAILURE() << where << " should fail: " << expected.dump() << "\n got: " << Json(got).dump();
    } else if (got != expected.get<std::string>()) {
      ADD_FAILURE() << where << " differs " << difference(got, expected);
    }
  } catch (const Error& error) {
    if (!expected.is_object()) ADD_FAILURE() << where << " fails: " << error.what();
  }
}

TEST(ChatTemplate, EqualsTransformersByteForByte) {
  int compared = 0, absent = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::golden_dir() / "expected")) {
    const std::string name = entry.path().stem();
    const std::string source = test::template_source(name);
    if (source.empty()) {
      ++absent;
      continue;
    }
    const Json expected = read_json(entry.path());
    for (const test::Case& one : test::cases()) {
      for (const bool prompt : {false, true})
        compare(source, name, one, prompt, expected.at(one.name).at(prompt ? 1 : 0));
    }
    ++compared;
  }
  std::printf("%d templates compared, %d not fetched (tests/golden/chat/fetch_templates.py)\n",
              compared, absent);
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace graft::text
