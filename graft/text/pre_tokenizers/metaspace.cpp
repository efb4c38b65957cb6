#include "graft/text/metaspace.h"

#include "graft/text/pre_tokenizer.h"

namespace graft::texts {
namespace {

/// Makes spaces visible, puts one in front, and splits before each (sentencepiece, Kudo 2018).
class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options) : options_(options) {}

  void apply(Pieces& pieces) const override {
    pieces.rewrite([this](const Piece& piece, std::string_view text, Rewriter& out) {
      if (prefixed(piece, text)) {
        // The prefix takes the place of the first character, which is inserted behind it.
        const char32_t first = utf8_at(text, 0).code;
        out.put(options_.code, 0);
        out.put(first, 1);
      }
      while (out.position() < text.size()) {
        const size_t space = std::min(text.find(' ', out.position()), text.size());
        out.copy(space - out.position());
        if (space < text.size()) out.replace(1, options_.replacement);
      }
    });
    if (!options_.split) return;
    pieces.split([this](std::string_view text, std::vector<Part>& parts) {
      parts_by(text, [this](char32_t c) { return c == options_.code; }, parts);
      merge_parts(parts, SplitBehavior::merged_with_next);
    });
  }
  bool needs_origins() const override { return options_.prepend == PrependScheme::first; }

 private:
  bool prefixed(const Piece& piece, std::string_view text) const {
    if (options_.prepend == PrependScheme::never) return false;
    if (options_.prepend == PrependScheme::first && piece.origin != 0) return false;
    return !text.starts_with(' ') && !text.starts_with(options_.replacement);
  }

  MetaspaceOptions options_;
};

}  // namespace

MetaspaceOptions read_metaspace(const Node& node) {
  MetaspaceOptions options;
  options.code = node.at("replacement").character();
  options.replacement = to_utf8(options.code);
  const std::string scheme = node.text("prepend_scheme", "always");
  if (scheme == "first") {
    options.prepend = PrependScheme::first;
  } else if (scheme == "never") {
    options.prepend = PrependScheme::never;
  } else if (scheme != "always") {
    node.at("prepend_scheme").refuse("first, never or always");
  }
  // The form before tokenizers 0.15.
  if (!node.boolean("add_prefix_space", true)) options.prepend = PrependScheme::never;
  options.split = node.boolean("split", true);
  return options;
}

std::unique_ptr<const PreTokenizer> make_metaspace_pre_tokenizer(const Node& node, int /*depth*/) {
  return std::make_unique<Metaspace>(read_metaspace(node));
}

}  // namespace graft::texts
