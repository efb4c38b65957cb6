#pragma once

#include <string>

#include "graft/base/json.h"
#include "graft/base/options.h"
#include "graft/data/sample.h"

namespace graft::data {

/// What data.columns.split and data.columns.id say of a record with named fields.

/// The split in the field that `options` name; without a name that in "split" where it says one.
/// Another word in a field that was named is an error (exit code 3).
Split split_of_row(const Json& row, const Options& options);
/// What the record is called in the field that `options` name; empty where there is none.
std::string id_of_row(const Json& row, const Options& options);

}  // namespace graft::data
