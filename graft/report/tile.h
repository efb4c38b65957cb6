#pragma once

#include <string>

namespace graft::report {

/// A sample among many: its picture (a data URI that we made, or ""), or `words` in its place; what
/// is to be said of it (HTML that is safe already); and below a picture the name of its file.
std::string tile(const std::string& picture, const std::string& words, const std::string& said,
                 const std::string& input);

/// Tiles beside each other; "" without one.
std::string tiles(const std::string& all);

}  // namespace graft::report
