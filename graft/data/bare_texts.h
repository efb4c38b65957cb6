#pragma once

#include "graft/data/dataset.h"

namespace graft::data {

/// Makes any data of texts what masked tokens are learned from: `target` becomes
/// Target::masked_token, labels are forgotten, and of records only their words stay. Pictures are
/// an error (exit code 2).
void keep_bare_texts(Dataset& data);

/// Whether samples are records of plain text: no conversations, no answers.
bool holds_plain_text(const Dataset& data);

}  // namespace graft::data
