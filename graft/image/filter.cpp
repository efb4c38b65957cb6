#include "graft/image/filter.h"

#include <algorithm>
#include <iterator>

namespace graft::image {
namespace {

struct Named {
  Filter filter;
  int number;
  const char* name;
};

constexpr Named kFilters[] = {{Filter::nearest, 0, "nearest"},   {Filter::lanczos, 1, "lanczos"},
                              {Filter::bilinear, 2, "bilinear"}, {Filter::bicubic, 3, "bicubic"},
                              {Filter::box, 4, "box"},           {Filter::hamming, 5, "hamming"}};

template <typename Match>
std::optional<Filter> find(Match&& match) {
  const auto* found = std::ranges::find_if(kFilters, match);
  return found == std::end(kFilters) ? std::nullopt : std::optional(found->filter);
}

const Named& record(Filter filter) {
  return *std::ranges::find(kFilters, filter, &Named::filter);
}

}  // namespace

const char* filter_name(Filter filter) {
  return record(filter).name;
}
int filter_number(Filter filter) {
  return record(filter).number;
}

std::optional<Filter> filter_from_name(const std::string& name) {
  return find([&](const Named& one) { return one.name == name; });
}
std::optional<Filter> filter_from_number(int64_t number) {
  return find([&](const Named& one) { return one.number == number; });
}

}  // namespace graft::image
