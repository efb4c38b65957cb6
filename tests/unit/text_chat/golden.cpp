#include "tests/unit/text_chat/golden.h"

#include <cstdlib>

namespace graft::text::test {

std::filesystem::path golden_dir() {
  const char* elsewhere = std::getenv("GRAFT_CHAT_GOLDEN");
  return elsewhere != nullptr ? std::filesystem::path(elsewhere)
                              : graft::test::source_dir() / "tests/golden/chat";
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> result;
    const Json file = read_json(golden_dir() / "conversations.json");
    for (const auto& [name, one] : file.at("cases").items()) {
      Case added;
      added.name = name;
      added.messages = one.at("messages");
      added.options.tools = one.value("tools", Json());
      added.options.variables = file.at("variables");
      added.options.variables.update(one.value("variables", Json::object()));
      added.options.now = file.at("now").get<std::time_t>();
      result.push_back(std::move(added));
    }
    return result;
  }();
  return all;
}

const Case& case_named(const std::string& name) {
  for (const Case& one : cases()) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no case " + name);
}

std::string template_source(const std::string& name) {
  for (const auto& folder :
       {golden_dir() / "templates", graft::test::source_dir() / ".deps/chat_templates"}) {
    const auto path = folder / (name + ".jinja");
    if (std::filesystem::exists(path)) return graft::test::read_text(path);
  }
  return "";
}

}  // namespace graft::text::test
