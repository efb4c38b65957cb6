#include <charconv>
#include <optional>

#include "graft/text/decoder.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

/// The byte of "<0x41>".
std::optional<char> byte_of_token(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  // The original's number parser takes a sign.
  const char* first = token.data() + 3 + (token[3] == '+' ? 1 : 0);
  const char* last = token.data() + 5;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(first, last, value, 16);
  if (error != std::errc() || end != last) return std::nullopt;
  return static_cast<char>(value);
}

/// Runs of byte tokens become text where they are UTF-8, else a U+FFFD for each.
class ByteFallback : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_valid_utf8(bytes)) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), "\ufffd");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_of_token(token)) {
        bytes += *byte;
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
};

}  // namespace

std::unique_ptr<const Decoder> make_byte_fallback_decoder(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<ByteFallback>();
}

}  // namespace graft::texts
