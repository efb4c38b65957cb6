#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Nfkd : public Normalizer {
 public:
  void apply(AlignedText& text) const override { to_normal_form(text, NormalForm::nfkd); }
};

}  // namespace

std::unique_ptr<const Normalizer> make_nfkd_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Nfkd>();
}

}  // namespace graft::texts
