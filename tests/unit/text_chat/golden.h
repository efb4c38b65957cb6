#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/text/chat/template.h"
#include "tests/support/support.h"

/// The conversations and templates of tests/golden/chat.
namespace graft::texts::test {

std::filesystem::path golden_dir();

struct Case {
  std::string name;
  Json messages;
  RenderOptions options;
};
const std::vector<Case>& cases();
const Case& case_named(const std::string& name);

/// Templates lie in tests/golden/chat/templates and, those whose licence keeps them out of the
/// repository, where fetch_templates.py put them: .deps/chat_templates or GRAFT_CHAT_TEMPLATES.
std::vector<std::string> template_names();
/// "" when it is in neither.
std::string template_source(const std::string& name);

/// FNV-1a, as make_chat.py writes it into digests.json.
std::string digest(const std::string& text);

}  // namespace graft::texts::test
