#pragma once

#include <string>

#include "graft/text/chat/jinja/runtime.h"

namespace graft::texts::jinja {

/// str(value) of Python: what `{{ value }}` writes. Characters keep their origins.
Text to_text(Runtime& runtime, const Value& value);
/// repr(value) of Python, which is how the items of printed lists look.
Text to_repr(Runtime& runtime, const Value& value);
/// A number as Python prints it: shortest digits that read back the same, "1.0", "1e+16", "nan".
std::string show_float(double value);

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  bool lines = false;  ///< one item a line, each level indented by `indent`
  std::string indent;
  std::string item_separator = ", ", key_separator = ": ";
};
/// json.dumps of Python; brackets and numbers get the origin of what they belong to.
Text to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace graft::texts::jinja
