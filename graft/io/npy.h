#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace graft::io {

/// Writes a matrix of float32, row by row, as NumPy reads it with numpy.load (format 1.0,
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). `values` has a whole
/// number of rows of `columns` (at least 1) numbers.
void write_npy(const std::filesystem::path& path, const std::vector<float>& values,
               int64_t columns);

}  // namespace graft::io
