#pragma once

#include <string>

#include "graft/report/page.h"
#include "graft/report/run_folder.h"
#include "graft/report/thumbnail.h"

namespace graft::report {

/// What a page says of a run that learns boxes: figures, curves, classes, confusion, and its
/// mistakes as pictures, `examples` at most.
void add_box_sections(Page& page, const RunFolder& run, const std::string& split, size_t examples,
                      const Picture& open);

}  // namespace graft::report
