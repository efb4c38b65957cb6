#pragma once

namespace graft::report {

/// The style sheet and the script (hover read-out of charts) of every page.
const char* style_sheet();
const char* script();

}  // namespace graft::report
