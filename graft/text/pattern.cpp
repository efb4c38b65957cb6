#include "graft/text/pattern.h"

namespace graft::texts {

Regex read_pattern(const Node& node) {
  if (const auto literal = node.find("String"))
    return Regex::literal(literal->text(), literal->where());
  if (const auto regex = node.find("Regex")) return {regex->text(), regex->where()};
  node.refuse("a pattern, {\"String\": ...} or {\"Regex\": ...},");
}

SplitBehavior read_behavior(const Node& node) {
  const std::string name = node.text();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.refuse("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

}  // namespace graft::texts
