#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace graft::image {

/// The filters of Pillow; all but nearest average over the whole area that an output pixel covers.
enum class Filter { nearest, box, bilinear, hamming, bicubic, lanczos };

/// "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos".
const char* filter_name(Filter filter);
std::optional<Filter> filter_from_name(const std::string& name);

/// Pillow's numbers (Image.Resampling), which checkpoints store as "resample".
int filter_number(Filter filter);
std::optional<Filter> filter_from_number(int64_t number);

}  // namespace graft::image
