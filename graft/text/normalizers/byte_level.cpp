#include "graft/text/byte_alphabet.h"
#include "graft/text/normalizer.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

class ByteLevel : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    std::vector<Change> changes;
    changes.reserve(text.text.size());
    for (size_t at = 0; at < text.text.size();) {
      const uint32_t bytes = utf8_length(text.text[at]);
      for (uint32_t i = 0; i < bytes; ++i) {
        const auto byte = static_cast<uint8_t>(text.text[at + i]);
        changes.push_back({byte_alphabet().code[byte], i == 0 ? 0 : 1});
      }
      at += bytes;
    }
    apply_changes(text, changes);
  }
};

}  // namespace

std::unique_ptr<const Normalizer> make_byte_level_normalizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<ByteLevel>();
}

}  // namespace graft::texts
