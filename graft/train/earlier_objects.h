#pragma once

#include <filesystem>
#include <vector>

#include "graft/train/batches.h"

/// Class-incremental detection without old pictures: a run that goes on from one that knew more
/// classes than its data mark learns, beside what is marked, the objects of those classes that the
/// earlier model finds in the new pictures. It would take them for background else (Shmelkov et al.
/// 2017, arXiv:1708.06977, who distil outputs; here boxes are, so that any detector will do).
namespace graft::train {

/// Classes of the earlier run that no object of the training split has, data.replay aside; none
/// where train.distill is off.
std::vector<int> unmarked_classes(const Job& job);

/// Finds those objects and gives them to job.inputs, which are data::BoxInputs. They are kept in
/// `folder`, which may be empty, for a run that `goes_on`: its weights have moved.
void add_earlier_objects(Job& job, Reader& reader, const Deadline& deadline,
                         const std::filesystem::path& folder, bool goes_on);

}  // namespace graft::train
