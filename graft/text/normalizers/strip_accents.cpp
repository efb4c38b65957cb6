#include "graft/text/normalizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

class StripAccents : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    if (is_ascii(text.text)) return;
    filter(text, [](char32_t c) { return !is_combining_mark(c); });
  }
};

}  // namespace

std::unique_ptr<const Normalizer> make_strip_accents_normalizer(const Node& /*node*/,
                                                                int /*depth*/) {
  return std::make_unique<StripAccents>();
}

}  // namespace graft::texts
