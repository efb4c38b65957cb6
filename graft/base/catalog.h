#pragma once

#include <string>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/options.h"

namespace graft {

/// What every record of a catalogue has. Catalogues are explicit lists (`*.def`): one line and one
/// file add one entry, because static self-registration is lost in static libraries.
struct Entry {
  std::string name;
  std::string summary;          ///< one line
  std::vector<Option> options;  ///< what the entry can be told
  std::string source;           ///< paper and year, or documentation
};

/// The record called `name`, or an error (exit code 2) that names the nearest one. `kind` is
/// "method".
template <typename Record>
const Record& find_in(const std::vector<Record>& catalog, const std::string& name,
                      const std::string& kind) {
  std::vector<std::string> names;
  for (const auto& record : catalog) {
    if (record.name == name) return record;
    names.push_back(record.name);
  }
  std::string known;
  for (const auto& word : names) known += (known.empty() ? "" : ", ") + word;
  fail_usage("there is no {} '{}'{}; known: {}", kind, name, did_you_mean(name, names), known);
}

}  // namespace graft
