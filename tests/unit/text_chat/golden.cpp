#include "tests/unit/text_chat/golden.h"

#include <fmt/format.h>

#include <cstdlib>

#include "graft/base/files.h"

namespace graft::texts::test {

std::filesystem::path golden_dir() {
  return graft::test::source_dir() / "tests/golden/chat";
}

namespace {

std::vector<std::filesystem::path> template_dirs() {
  const char* fetched = std::getenv("GRAFT_CHAT_TEMPLATES");
  return {golden_dir() / "templates", fetched != nullptr
                                          ? std::filesystem::path(fetched)
                                          : graft::test::source_dir() / ".deps/chat_templates"};
}

}  // namespace

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

std::string digest(const std::string& text) {
  uint64_t value = 0xCBF29CE484222325u;
  for (const unsigned char byte : text) value = (value ^ byte) * 0x100000001B3u;
  return fmt::format("{:016x}", value);
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const auto& folder : template_dirs()) {
    for (const auto& file : glob_files((folder / "*.jinja").string())) names.push_back(file.stem());
  }
  return names;
}

std::string template_source(const std::string& name) {
  for (const auto& folder : template_dirs()) {
    const auto path = folder / (name + ".jinja");
    if (std::filesystem::exists(path)) return graft::test::read_text(path);
  }
  return "";
}

}  // namespace graft::texts::test
