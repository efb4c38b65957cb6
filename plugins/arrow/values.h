#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>

#include "plugins/arrow/features.h"

namespace graft::arrow_plugin {

/// Value `i` of an array as graft::data::ParquetRows gives it.
Json value_at(const arrow::Array& array, int64_t i, const Feature& feature);

}  // namespace graft::arrow_plugin
