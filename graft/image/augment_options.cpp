#include "graft/image/augment_options.h"

#include <algorithm>

#include "graft/base/error.h"

namespace graft::image::detail {

Range read_range(const Options& options, const std::string& name, double least, double most,
                 const std::string& where) {
  const Json& value = options.at(name);
  const bool pair =
      value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number();
  const Range range = pair ? Range{value[0].get<double>(), value[1].get<double>()} : Range{};
  if (!pair || !(range.low >= least && range.low <= range.high && range.high <= most)) {
    fail_usage("{}: {} must be [low, high] with {} <= low <= high <= {}, got {}", where, name,
               least, most, value.dump());
  }
  return range;
}

Range read_spread(const Options& options, const std::string& name, double middle, double least,
                  double most, const std::string& where) {
  const Json& value = options.at(name);
  if (!value.is_number()) return read_range(options, name, least, most, where);
  const double spread = value.get<double>();
  const Range range{std::max(least, middle - spread), middle + spread};
  if (!(spread >= 0 && range.high <= most)) {
    fail_usage("{}: {} must be from 0 to {}, or [low, high], got {}", where, name, most - middle,
               value.dump());
  }
  return range;
}

Option probability(double fallback) {
  return number("p", fallback, "how often, 0 to 1").between(0, 1);
}

Option sampling_option() {
  return text("interpolation", "nearest", "how turned pictures are sampled")
      .one_of({"nearest", "bilinear"});
}

Filter read_sampling(const Options& options) {
  return options.text("interpolation") == "bilinear" ? Filter::bilinear : Filter::nearest;
}

Option fill_option() {
  return integer("fill", 0, "grey level where the picture ends").between(0, 255);
}

Colour read_fill(const Options& options) {
  const auto level = static_cast<uint8_t>(options.integer("fill"));
  return {level, level, level};
}

Option visible_option() {
  return number("visible", 0.1, "an object of which less than this share is left goes")
      .between(0, 1);
}

CutRule read_cut_rule(const Options& options) {
  CutRule rule;
  rule.visible = static_cast<float>(options.number("visible"));
  return rule;
}

}  // namespace graft::image::detail
