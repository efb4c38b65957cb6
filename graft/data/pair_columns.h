#pragma once

#include <string>
#include <vector>

#include "graft/base/options.h"

namespace graft::data {

/// Which field of a record is which of the texts that are compared. Names as the data spell them;
/// empty where there is none.
struct PairColumns {
  std::string anchor, positive;
  std::vector<std::string> negatives;
  std::string score;
};

/// anchor, positive, negative, score, split and id.
std::vector<Option> pair_column_options();

/// Whether the names can mean nothing but texts that are compared: an anchor (or query, question)
/// and its positive.
bool names_pairs(const std::vector<std::string>& names);

/// Finds the fields among `names`: those that `options` (data.columns) names, else the usual ones.
/// Two texts that are missing, and names that are not there, are errors (exit code 3) that tell the
/// names that are.
PairColumns find_pair_columns(const std::vector<std::string>& names, const Options& options,
                              const std::string& where);

}  // namespace graft::data
