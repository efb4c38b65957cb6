#include "graft/text/encode.h"

#include <algorithm>

#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr size_t kLongestText = size_t{1} << 30;

/// Normalises what lies between added tokens, and finds those that count after it.
Pieces normalized_pieces(std::string_view text, bool tracked, bool parse_special,
                         const Normalizer* normalizer, const AddedTokens& added) {
  Pieces pieces;
  pieces.text.tracked = tracked;
  std::vector<AddedTokens::Found> outer;
  std::vector<AddedTokens::Found> inner;
  added.split(text, false, parse_special, outer);
  for (const auto& part : outer) {
    AlignedText own =
        AlignedText::of(text.substr(part.begin, part.end - part.begin), part.begin, tracked);
    if (part.id < 0 && normalizer != nullptr) normalizer->apply(own);
    inner.clear();
    if (part.id >= 0) {
      inner.push_back({0, static_cast<uint32_t>(own.text.size()), part.id});
    } else {
      added.split(own.text, true, parse_special, inner);
    }
    const auto base = static_cast<uint32_t>(pieces.text.text.size());
    if (base == 0) {
      pieces.text = std::move(own);
    } else {
      pieces.text.text += own.text;
      pieces.text.origins.insert(pieces.text.origins.end(), own.origins.begin(), own.origins.end());
    }
    for (const auto& found : inner)
      pieces.add(base + found.begin, base + found.end, found.id, part.begin + found.begin);
  }
  return pieces;
}

/// From offsets in bytes to what the caller wants, in the text given.
class OffsetMap {
 public:
  OffsetMap(std::string_view text, const std::vector<uint32_t>& source, OffsetUnit unit)
      : source_(source), characters_(unit == OffsetUnit::characters) {
    if (!characters_) return;
    character_.reserve(text.size() + 1);
    uint32_t count = 0;
    for (const char c : text) {
      const bool inside = (static_cast<uint8_t>(c) & 0xc0U) == 0x80;
      if (!inside) ++count;
      character_.push_back(count - 1);
    }
    character_.push_back(count);
  }

  Span of(Span bytes) const {
    const std::vector<uint32_t>& map = characters_ ? character_ : source_;
    // Empty stretches at the end keep their numbers, as in the original.
    if (bytes.begin + 1 >= map.size()) return bytes;
    return {map[bytes.begin], map[std::min<size_t>(bytes.end, map.size() - 1)]};
  }

 private:
  const std::vector<uint32_t>& source_;
  bool characters_;
  std::vector<uint32_t> character_;
};

/// Where a token of a piece lies in the original.
Span origin_of(const Token& token, const Piece& piece, const Pieces& pieces) {
  if (token.begin == token.end) return {piece.origin + token.begin, piece.origin + token.end};
  if (token.end > piece.end - piece.begin) return {token.begin, token.end};
  const Span* origins = pieces.text.origins.data() + piece.begin;
  return {origins[token.begin].begin, origins[token.end - 1].end};
}

void add_details(Encoding& encoding, const std::vector<Token>& tokens, const Piece& piece,
                 int32_t word, const Pieces& pieces, const OffsetMap& offsets, const Model& model) {
  for (const Token& token : tokens) {
    const std::string* text =
        token.literal || piece.token >= 0 ? nullptr : model.vocabulary().token(token.id);
    if (text != nullptr) {
      encoding.tokens.push_back(*text);
    } else {
      encoding.tokens.emplace_back(pieces.view(piece).substr(token.begin, token.end - token.begin));
    }
    encoding.offsets.push_back(offsets.of(origin_of(token, piece, pieces)));
    encoding.words.push_back(word);
  }
}

}  // namespace

Encoding encode_text(std::string_view text, uint32_t sequence, const EncodeOptions& options,
                     const TokenizerParts& parts, const AddedTokens& added, bool needs_origins,
                     Scratch* scratch) {
  if (text.size() > kLongestText) {
    fail_usage("a text to encode has {} bytes; the limit is {} (split it)", text.size(),
               kLongestText);
  }
  RepairedText repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired.text;
  }
  const bool details = !options.ids_only;
  Pieces pieces = normalized_pieces(text, details || needs_origins, options.parse_special,
                                    parts.normalizer.get(), added);
  if (parts.pre_tokenizer) parts.pre_tokenizer->apply(pieces);

  Encoding encoding;
  encoding.detailed = details;
  std::optional<OffsetMap> offsets;
  if (details) offsets.emplace(text, repaired.source, options.offsets);
  std::vector<Token> tokens;
  int32_t word = 0;
  for (const Piece& piece : pieces.all) {
    if (piece.token >= 0) {
      tokens.assign(1, {static_cast<uint32_t>(piece.token), 0, piece.end - piece.begin});
    } else {
      if (details) tokens.clear();
      parts.model->tokenize(pieces.view(piece), scratch, tokens);
    }
    if (details) add_details(encoding, tokens, piece, word, pieces, *offsets, *parts.model);
    for (const Token& token : tokens) encoding.ids.push_back(token.id);
    tokens.clear();
    ++word;
  }
  if (details) {
    const size_t count = encoding.ids.size();
    encoding.type_ids.assign(count, sequence);
    encoding.sequences.assign(count, static_cast<int32_t>(sequence));
    encoding.attention_mask.assign(count, 1);
    encoding.special_tokens_mask.assign(count, 0);
  }
  return encoding;
}

}  // namespace graft::texts
