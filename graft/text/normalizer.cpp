#include "graft/text/normalizer.h"

namespace graft::texts {

#define NORMALIZER(file, type) \
  std::unique_ptr<const Normalizer> make_##file##_normalizer(const Node& node, int depth);
#include "graft/text/normalizers.def"
#undef NORMALIZER

const std::vector<ComponentRecord<Normalizer>>& normalizers() {
  static const std::vector<ComponentRecord<Normalizer>> all{
#define NORMALIZER(file, type) {type, make_##file##_normalizer},
#include "graft/text/normalizers.def"
#undef NORMALIZER
  };
  return all;
}

std::unique_ptr<const Normalizer> make_normalizer(const Node& node, int depth) {
  return make_component(normalizers(), node, "normalizer", depth);
}

}  // namespace graft::texts
