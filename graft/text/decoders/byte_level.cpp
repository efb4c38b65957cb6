#include "graft/text/byte_alphabet.h"
#include "graft/text/decoder.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

/// Back from GPT-2's alphabet to bytes; what is not UTF-8 becomes U+FFFD.
class ByteLevel : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of(token).value_or(token);
    tokens.assign(1, repair_utf8(bytes).text);
  }
};

}  // namespace

std::unique_ptr<const Decoder> make_byte_level_decoder(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<ByteLevel>();
}

}  // namespace graft::texts
