#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/base/error.h"
#include "graft/text/node.h"

namespace graft::texts {

/// A line of one of the lists normalizers.def, pre_tokenizers.def, models.def, post_processors.def,
/// decoders.def: the "type" in tokenizer.json, and how to make the component from its members.
/// `depth` counts the components it stands in.
template <typename Component>
struct ComponentRecord {
  std::string name;
  std::unique_ptr<const Component> (*make)(const Node& node, int depth);
};

/// The component that `node` describes; `kind` ("normalizer") is for errors.
template <typename Component>
std::unique_ptr<const Component> make_component(
    const std::vector<ComponentRecord<Component>>& records, const Node& node,
    const std::string& kind, int depth) {
  if (depth > kMaxNesting)
    fail_unreadable("{}: components stand in each other more than {} deep", node.where(),
                    kMaxNesting);
  const std::string type = node.text("type");
  std::vector<std::string> names;
  std::string known;
  for (const auto& record : records) {
    if (record.name == type) return record.make(node, depth);
    names.push_back(record.name);
    known += (known.empty() ? "" : ", ") + record.name;
  }
  fail_unreadable("{}: there is no {} of type '{}'{}; known: {}", node.where(), kind, type,
                  did_you_mean(type, names), known);
}

}  // namespace graft::texts
