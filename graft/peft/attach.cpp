#include "graft/peft/attach.h"

#include <fmt/ranges.h>

#include <set>

#include "graft/base/error.h"

namespace graft::peft {
namespace {

std::string last_name(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

}  // namespace

bool ends_with_module(const std::string& path, const std::string& ending) {
  return path == ending || path.ends_with("." + ending);
}

int attach(nn::Registry& registry, const std::vector<Choice>& choices, int head,
           const nn::Init& init) {
  int total = 0;
  for (const Choice& choice : choices) {
    const Method& method = *choice.method;
    if (!method.make) continue;
    std::vector<std::string> endings;
    if (const Json& target = choice.options.at("target"); target.is_array()) {
      endings = choice.options.texts("target");
    } else if (target.is_string() && target != "auto" && target != "all" &&
               target != "all-linear") {
      fail_usage(
          "method {}: target must be auto, all-linear, all or a list of name endings, got {}",
          method.name, target.dump());
    }
    std::vector<int> hits(endings.size(), 0);
    std::set<std::string> names;
    int count = 0;
    for (nn::Seam* seam : registry.seams) {
      const nn::Site site = seam->site();
      if (site.block >= head) continue;
      names.insert(last_name(site.path));
      bool wanted = endings.empty();
      for (size_t i = 0; i < endings.size(); ++i) {
        if (ends_with_module(site.path, endings[i])) {
          wanted = true;
          ++hits[i];
        }
      }
      if (!wanted || !method.serves(site, choice.options)) continue;
      seam->attach(method.make(site, choice.options, init));
      ++count;
    }
    for (size_t i = 0; i < endings.size(); ++i) {
      if (hits[i] == 0) {
        fail_usage("method {}: target '{}' matches no layer of the backbone; layers are called: {}",
                   method.name, endings[i], fmt::join(names, ", "));
      }
    }
    if (count == 0) {
      fail_usage("method {}: no layer of this model is a target; give target: all, or a smaller r",
                 method.name);
    }
    total += count;
  }
  return total;
}

void merge_all(nn::Registry& registry) {
  for (nn::Seam* seam : registry.seams) seam->merge();
}

}  // namespace graft::peft
