#pragma once

#include <functional>
#include <string>

#include "graft/models/decoder.h"
#include "graft/models/family.h"

namespace graft::models {

/// How a family's config differs from Llama's.
using DecoderVariant = std::function<void(DecoderSettings& settings, const Json& config)>;

/// The record of a family of Llama's form. `name` is its model_type, `prefix` that of its classes
/// in transformers ("Llama").
Family decoder_family(const std::string& name, const std::string& summary,
                      const std::string& source, const std::string& prefix, DecoderVariant variant);

/// Qwen's older configs: layers from max_window_layers on slide, if use_sliding_window.
void slide_from_layer(DecoderSettings& settings, const Json& config);
/// What all Gemmas have.
void as_gemma(DecoderSettings& settings, const Json& config);

}  // namespace graft::models
