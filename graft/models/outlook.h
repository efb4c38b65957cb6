#pragma once

#include "graft/models/load.h"

/// What a model's files tell before it is loaded.
namespace graft::models {

/// The family of a config's "model_type"; null where it has none or graft does not know it.
const Family* family_in(const Json& config);
/// The family of a source's config; null where it has none (a weight file, another project's
/// folder) or where graft does not know it. Errors: as find_model.
const Family* named_family(const ModelSource& source);

/// The task that a model was saved for: that of its "architectures", embeddings where it is a
/// folder of sentence-transformers, or what weights in another project's names are for; `classes`
/// where nothing says it.
Task named_task(const ModelSource& source);

/// The task of the family whose class is called so, apart from the family's own name
/// ("XLMRobertaForMaskedLM" of RoBERTa); none where it has no such class.
std::optional<Task> task_called(const Family& family, const std::string& architecture);

}  // namespace graft::models
