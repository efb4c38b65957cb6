#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/text/chat/template.h"
#include "tests/support/support.h"

/// The conversations and templates of tests/golden/chat.
namespace graft::text::test {

std::filesystem::path golden_dir();

struct Case {
  std::string name;
  Json messages;
  RenderOptions options;
};
const std::vector<Case>& cases();
const Case& case_named(const std::string& name);

/// Text of a template in tests/golden/chat/templates or, fetched, in .deps/chat_templates; "" when
/// it is in neither.
std::string template_source(const std::string& name);

}  // namespace graft::text::test
