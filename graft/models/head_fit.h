#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/models/load.h"

namespace graft::models {

/// The rows of a new head, taken from those of an old one.
struct RowMap {
  std::vector<int64_t> from;  ///< of each class its old row; -1: it is new
  bool same = false;          ///< the classes are the old ones
  bool foreign_head = false;  ///< the old rows are no classes of this kind: none is taken
};

/// Which rows of a tensor are classes: those of all that the last block of a classifier holds, and
/// of the layers that a detector names. Nothing where none are.
std::optional<ClassRows> class_rows_of(const Model& model, const nn::Parameter& p);

/// Copies tensors by module names into a model; `where` names the file in errors. Notes in `result`
/// what the model lacks or has no place for, and which layers of its head are new. A head of
/// classes or of masked tokens may be new, or of other shapes; elsewhere a shape that does not fit
/// is an error (exit code 3).
void copy_tensors(const io::TensorMap& tensors, const RowMap& rows,
                  const std::filesystem::path& where, LoadedModel& result);

/// Notes that all of the head is new.
void note_new_head(LoadedModel& loaded);

/// Random weights for layers of the head that copy_tensors found new: with zeros nothing would
/// reach a classifier, which starts at zero itself.
void init_new_layers(LoadedModel& loaded, const nn::Init& random);

}  // namespace graft::models
