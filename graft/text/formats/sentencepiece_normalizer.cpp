#include "graft/text/byte_trie.h"
#include "graft/text/charsmap.h"
#include "graft/text/formats/sentencepiece.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

class SentencePieceNormalizer : public Normalizer {
 public:
  SentencePieceNormalizer(const SentencePieceModel& model, const std::string& where)
      : rules_(model.charsmap, where),
        symbols_(user_defined(model)),
        space_(model.escape_spaces ? "\u2581" : " "),
        prefix_(model.dummy_prefix && !model.space_as_suffix),
        suffix_(model.dummy_prefix && model.space_as_suffix),
        squeeze_(model.remove_extra_spaces) {}

  void apply(AlignedText& text) const override {
    if (text.text.empty()) return;
    AlignedText out{{}, {}, text.tracked, text.begin};
    out.text.reserve(text.text.size() + text.text.size() / 2);
    Rewriter writer(text.text, text.origins.data(), text.begin, out);
    const std::string_view all = text.text;
    if (squeeze_) skip_spaces(all, writer);
    if (writer.position() < all.size()) {
      if (prefix_) put_prefix(out, text, writer.position());
      write(all, writer);
      if (squeeze_) trim(out);
      if (suffix_) writer.replace(0, space_);
    }
    text = std::move(out);
  }

 private:
  static std::vector<ByteTrie::Entry> user_defined(const SentencePieceModel& model) {
    std::vector<ByteTrie::Entry> all;
    for (size_t id = 0; id < model.pieces.size(); ++id) {
      if (model.types[id] == SentencePieceModel::user_defined)
        all.push_back({model.pieces[id], static_cast<uint32_t>(id)});
    }
    return all;
  }

  struct Step {
    uint32_t bytes;
    std::string_view content;
  };
  /// What the next characters become.
  Step step(std::string_view rest) const {
    uint32_t symbol = 0;
    symbols_.prefixes(rest, [&](uint32_t bytes, uint32_t /*value*/) { symbol = bytes; });
    if (symbol > 0) return {symbol, rest.substr(0, symbol)};
    if (const auto rule = rules_.longest(rest)) return {rule->bytes, rule->content};
    const uint32_t bytes = utf8_length(rest[0]);
    return {bytes, rest.substr(0, bytes)};
  }

  void skip_spaces(std::string_view all, Rewriter& writer) const {
    while (writer.position() < all.size()) {
      const Step next = step(all.substr(writer.position()));
      if (next.content != " ") return;
      writer.replace(next.bytes, "");
    }
  }

  void put_prefix(AlignedText& out, const AlignedText& text, size_t at) const {
    out.text.append(space_);
    // Like the prefix of `tokenizers`, it stands for the first character.
    if (text.tracked) {
      out.origins.insert(out.origins.end(), space_.size(), text.origins[at]);
    }
  }

  void write(std::string_view all, Rewriter& writer) const {
    bool after_space = squeeze_;
    while (writer.position() < all.size()) {
      const Step next = step(all.substr(writer.position()));
      std::string_view content = next.content;
      while (after_space && content.starts_with(' ')) content.remove_prefix(1);
      if (!content.empty()) after_space = squeeze_ && content.ends_with(' ');
      if (content.find(' ') == std::string_view::npos) {
        writer.replace(next.bytes, content);
        continue;
      }
      std::string visible;
      for (const char c : content)
        visible.append(c == ' ' ? std::string_view(space_) : std::string_view(&c, 1));
      writer.replace(next.bytes, visible);
    }
  }

  void trim(AlignedText& out) const {
    while (out.text.ends_with(space_)) {
      out.text.resize(out.text.size() - space_.size());
      if (out.tracked) out.origins.resize(out.text.size());
    }
  }

  CharsMap rules_;
  ByteTrie symbols_;  ///< user-defined ones, which no rule changes
  std::string space_;
  bool prefix_;
  bool suffix_;
  bool squeeze_;  ///< spaces at the ends go, several become one
};

}  // namespace

std::unique_ptr<const Normalizer> make_sentencepiece_normalizer(const SentencePieceModel& model,
                                                                const std::string& where) {
  return std::make_unique<SentencePieceNormalizer>(model, where);
}

}  // namespace graft::texts
