#pragma once

#include <cstddef>
#include <string_view>

namespace graft::texts {

/// End of the extended grapheme cluster (UAX 29) that begins at `at` of valid UTF-8, by the
/// properties of ICU. Rule GB9c (Indic conjuncts) is left out: clusters it joins are longer than
/// what the normaliser that asks looks at.
size_t grapheme_end(std::string_view text, size_t at);

}  // namespace graft::texts
