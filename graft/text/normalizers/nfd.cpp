#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Nfd : public Normalizer {
 public:
  void apply(AlignedText& text) const override { to_normal_form(text, NormalForm::nfd); }
};

}  // namespace

std::unique_ptr<const Normalizer> make_nfd_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Nfd>();
}

}  // namespace graft::texts
