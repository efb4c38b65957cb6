#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Nfc : public Normalizer {
 public:
  void apply(AlignedText& text) const override { to_normal_form(text, NormalForm::nfc); }
};

}  // namespace

std::unique_ptr<const Normalizer> make_nfc_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Nfc>();
}

}  // namespace graft::texts
