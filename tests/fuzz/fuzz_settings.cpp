// Seeds: *.json *.yaml
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "graft/base/error.h"
#include "graft/base/json.h"

// Configurations and checkpoints' JSON: read or refused; what was read as YAML can be written and
// read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    graft::parse_json(text, "fuzz");
  } catch (const graft::Error&) {
  }
  graft::Json value;
  try {
    value = graft::parse_yaml(text, "fuzz");
  } catch (const graft::Error&) {
    return 0;
  }
  const std::string written = graft::to_yaml(value);
  const bool plain =
      text.size() < 1000 &&
      std::all_of(
          text.begin(), text.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
  if (plain && graft::parse_yaml(written, "written by graft") != value) std::abort();
  return 0;
}
