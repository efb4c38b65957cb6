#pragma once

#include <string>

#include "graft/models/model.h"

namespace graft::models {

/// Appends the head every classifier ends with: dropout, then a linear layer from "features" [B,
/// width] to "logits" [B, classes] under `path`, and makes it the model's classifier.
void add_classifier(Model& model, const std::string& path, int64_t width, int64_t classes,
                    double dropout = 0, bool bias = true);

/// Appends the head that tells of each token which class it is of: dropout, then a linear layer
/// from "x" [T, width] to "logits" [T, classes] in float32, beside "lengths"; makes it the model's
/// classifier.
void add_token_classifier(Model& model, const std::string& path, int64_t width, int64_t classes,
                          double dropout = 0);

}  // namespace graft::models
