#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Nfkc : public Normalizer {
 public:
  void apply(AlignedText& text) const override { to_normal_form(text, NormalForm::nfkc); }
};

}  // namespace

std::unique_ptr<const Normalizer> make_nfkc_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Nfkc>();
}

}  // namespace graft::texts
