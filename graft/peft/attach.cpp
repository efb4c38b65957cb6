#include "graft/peft/attach.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "graft/base/error.h"
#include "graft/peft/modules.h"

namespace graft::peft {
namespace {

std::string last_name(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

/// Name endings that were asked for, and which of them matched.
class Endings {
 public:
  explicit Endings(std::vector<std::string> endings)
      : endings_(std::move(endings)), hit_(endings_.size(), false) {}
  bool given() const { return !endings_.empty(); }
  bool match(const std::string& path) {
    bool any = false;
    for (size_t i = 0; i < endings_.size(); ++i) {
      if (!ends_with_module(path, endings_[i])) continue;
      hit_[i] = any = true;
    }
    return any;
  }
  /// The first that nothing matched, or "".
  std::string missed() const {
    const auto found = std::find(hit_.begin(), hit_.end(), false);
    return found == hit_.end() ? "" : endings_[static_cast<size_t>(found - hit_.begin())];
  }

 private:
  std::vector<std::string> endings_;
  std::vector<bool> hit_;
};

std::vector<std::string> named_targets(const Choice& choice) {
  const Json& target = choice.options.at("target");
  if (target.is_array()) return choice.options.texts("target");
  if (target.is_string() && target != "auto" && target != "all" && target != "all-linear") {
    fail_usage("method {}: target must be auto, all-linear, all or a list of name endings, got {}",
               choice.method->name, target.dump());
  }
  return {};
}

void check_whole_modules(const nn::Registry& registry, const Choice& choice, int blocks) {
  for (const std::string& ending : whole_modules(choice)) {
    const bool found = std::any_of(
        registry.parameters.begin(), registry.parameters.end(), [&](const nn::Parameter& p) {
          return p.block < blocks && !p.is_buffer() && in_module(p.name, {ending});
        });
    if (found) continue;
    std::set<std::string> names;
    for (const nn::Parameter& p : registry.parameters) {
      if (p.block < blocks) names.insert(last_name(p.name.substr(0, p.name.rfind('.'))));
    }
    fail_usage(
        "method {}: modules_to_save '{}' matches no module that may learn; modules are "
        "called: {}",
        choice.method->name, ending, fmt::join(names, ", "));
  }
}

}  // namespace

std::vector<std::string> whole_modules(const Choice& choice) {
  const Json& options = choice.options.json();
  return options.contains("modules_to_save") ? choice.options.texts("modules_to_save")
                                             : std::vector<std::string>();
}

int attach(nn::Registry& registry, const std::vector<Choice>& choices, int head,
           const nn::Init& init, int named) {
  const int blocks = std::max(head, named);
  int total = 0;
  for (const Choice& choice : choices) {
    const Method& method = *choice.method;
    check_whole_modules(registry, choice, blocks);
    if (!method.make) continue;
    Endings endings(named_targets(choice));
    const std::vector<std::string> whole = whole_modules(choice);
    std::set<std::string> names;
    int count = 0;
    for (nn::Seam* seam : registry.seams) {
      const nn::Site site = seam->site();
      if (site.block >= blocks) continue;
      names.insert(last_name(site.path));
      const bool usual = site.block < head && site.kind != nn::SeamKind::embedding;
      if (endings.given() ? !endings.match(site.path) : !usual) continue;
      if (in_module(site.path, whole) || !method.serves(site, choice.options)) continue;
      seam->attach(method.make(site, choice.options, init));
      ++count;
    }
    if (const std::string missed = endings.missed(); !missed.empty()) {
      fail_usage("method {}: target '{}' matches no layer of the backbone; layers are called: {}",
                 method.name, missed, fmt::join(names, ", "));
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
  for (nn::Seam* seam : registry.seams) {
    if (seam->adapters().empty()) continue;
    for (nn::Seam* other : registry.seams)
      GRAFT_ASSERT(other == seam || !other->weight().is_same(seam->weight()));
    seam->merge();
  }
}

}  // namespace graft::peft
