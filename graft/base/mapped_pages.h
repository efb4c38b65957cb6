#pragma once

#include <cstddef>

namespace graft {

/// Takes pages of a MappedFile out of the process's memory: those that lie in these bytes whole.
/// Reading them again brings them back as the file has them. Nothing happens to other memory.
void release_pages(const void* begin, size_t bytes);

}  // namespace graft
