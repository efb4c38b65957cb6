#pragma once

#include <memory>

#include "graft/text/aligned_text.h"
#include "graft/text/component.h"

namespace graft::texts {

/// Changes a text before it is split. Immutable, used by many threads at once.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
};

const std::vector<ComponentRecord<Normalizer>>& normalizers();
std::unique_ptr<const Normalizer> make_normalizer(const Node& node, int depth = 0);

}  // namespace graft::texts
