#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

bool is_dropped(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
         c == 0x8f || c == 0x9f;
}

bool becomes_space(char32_t c) {
  return c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 ||
         (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff ||
         c == 0xfffd;
}

/// The cleaning of sentencepiece's "nmt" rules without its normal form.
class Nmt : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    filter(text, [](char32_t c) { return !is_dropped(c); });
    map_characters(text, [](char32_t c) { return becomes_space(c) ? U' ' : c; });
  }
};

}  // namespace

std::unique_ptr<const Normalizer> make_nmt_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Nmt>();
}

}  // namespace graft::texts
