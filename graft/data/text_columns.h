#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graft/base/options.h"

namespace graft::data {

/// Which column of a table, or field of records, means what.
struct TextColumns {
  std::vector<size_t> text;  ///< several are joined with a blank (a title and its description)
  std::optional<size_t> pair;
  std::vector<size_t> labels;  ///< several: columns of 0 and 1, whose names are the classes
  std::optional<size_t> split, id;
};

/// text, text_pair, label, split and id.
std::vector<Option> text_column_options();

/// "Class Index" and "class-index" are "class_index".
std::string plain_name(const std::string& name);
/// Names of two texts that are read together, by plain_name, in the order in which they are tried.
const std::vector<std::pair<std::string, std::string>>& usual_text_pairs();

/// Whether one of the names is usual for texts, as in a header.
bool names_a_text(const std::vector<std::string>& names);
/// The first of the names that is usual for labels.
std::optional<size_t> named_label(const std::vector<std::string>& names);

/// Finds the columns among `names`: those that `options` (data.columns) gives by name or by
/// position from 1, else the usual ones; one column that is left over is the label, or the text
/// beside a label. Without `labelled` no label is asked for, and none is found. Errors have exit
/// code 3 and tell the names that are there.
TextColumns find_text_columns(const std::vector<std::string>& names, const Options& options,
                              const std::string& where, bool labelled = true);

}  // namespace graft::data
