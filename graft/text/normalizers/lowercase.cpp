#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Lowercase : public Normalizer {
 public:
  void apply(AlignedText& text) const override { lowercase(text); }
};

}  // namespace

std::unique_ptr<const Normalizer> make_lowercase_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Lowercase>();
}

}  // namespace graft::texts
