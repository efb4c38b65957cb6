#include "graft/text/models/bpe.h"

#include <algorithm>

#include "graft/text/bpe/merging.h"
#include "graft/text/unicode/utf8.h"
#include "graft/text/word_cache.h"

namespace graft::texts {
namespace {

// sentencepiece's visible space.
constexpr std::string_view kSpace = "\u2581";

struct BpeScratch : Scratch {
  WordCache cache;
  std::vector<Symbol> symbols;
  std::vector<Candidate> queue;
  std::string symbol;
};

class Bpe : public Model {
 public:
  Bpe(Vocabulary tokens, const std::vector<Merge>& merges, const BpeOptions& options)
      : Model(std::move(tokens)),
        options_(options),
        merges_(merges),
        bytes_(vocabulary()),
        unknown_(options.unknown ? vocabulary().id(*options.unknown) : std::nullopt),
        splits_at_spaces_(can_split(merges)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(); }

  void tokenize(std::string_view piece, Scratch* scratch, std::vector<Token>& out) const override {
    auto& memory = static_cast<BpeScratch&>(*scratch);
    if (!splits_at_spaces_) {
      tokenize_word(piece, 0, memory, out);
      return;
    }
    if (options_.ignore_merges && whole(piece, out)) return;
    for (size_t at = 0; at < piece.size();) {
      const size_t end = word_end(piece, at);
      tokenize_word(piece.substr(at, end - at), static_cast<uint32_t>(at), memory, out);
      at = end;
    }
  }
  std::optional<uint32_t> unknown() const override { return unknown_; }

 private:
  /// Whether no merge joins a visible space with something before it: then words can be merged one
  /// by one, which gives the same tokens, and be remembered.
  bool can_split(const std::vector<Merge>& merges) const {
    if (!options_.prefix.empty() || !options_.suffix.empty()) return false;
    const bool never_fused =
        (options_.byte_fallback && bytes_.complete()) || (unknown_ && !options_.fuse_unknown);
    if (!never_fused) return false;
    return std::ranges::none_of(merges, [this](const Merge& merge) {
      return vocabulary().token(merge.right)->starts_with(kSpace) &&
             !vocabulary().token(merge.left)->ends_with(kSpace);
    });
  }

  /// Behind the visible spaces at `at` and what follows up to the next ones.
  static size_t word_end(std::string_view piece, size_t at) {
    while (piece.substr(at).starts_with(kSpace)) at += kSpace.size();
    return std::min(piece.find(kSpace, at), piece.size());
  }

  bool whole(std::string_view piece, std::vector<Token>& out) const {
    const auto id = vocabulary().id(piece);
    if (id) out.push_back({*id, 0, static_cast<uint32_t>(piece.size())});
    return id.has_value();
  }

  void tokenize_word(std::string_view word, uint32_t begin, BpeScratch& memory,
                     std::vector<Token>& out) const {
    const uint64_t hash = hash_text(word);
    std::span<const Token> found;
    if (word.size() <= WordCache::kLongestWord) found = memory.cache.find(word, hash);
    if (found.empty()) {
      const size_t before = out.size();
      merge_word(word, memory, out);
      found = std::span(out).subspan(before);
      memory.cache.put(word, hash, found);
      if (begin > 0) shift(out, before, begin);
      return;
    }
    const size_t before = out.size();
    out.insert(out.end(), found.begin(), found.end());
    if (begin > 0) shift(out, before, begin);
  }

  static void shift(std::vector<Token>& tokens, size_t from, uint32_t by) {
    for (size_t i = from; i < tokens.size(); ++i) {
      tokens[i].begin += by;
      tokens[i].end += by;
    }
  }

  void merge_word(std::string_view word, BpeScratch& memory, std::vector<Token>& out) const {
    if (options_.ignore_merges && whole(word, out)) return;
    symbols_of(word, memory);
    merge_symbols(memory.symbols, merges_, memory.queue);
    uint32_t at = 0;
    for (const Symbol& symbol : memory.symbols) {
      if (symbol.bytes == 0) continue;
      out.push_back({symbol.id, at, at + symbol.bytes});
      at += symbol.bytes;
    }
  }

  void symbols_of(std::string_view word, BpeScratch& memory) const {
    std::vector<Symbol>& symbols = memory.symbols;
    symbols.clear();
    const auto add = [&](uint32_t id, uint32_t bytes) {
      const auto count = static_cast<int32_t>(symbols.size());
      if (count > 0) symbols.back().next = count;
      symbols.push_back({id, bytes, count - 1, -1});
    };
    uint32_t unknown_bytes = 0;  // of unknown characters that wait to become a token
    const auto flush = [&] {
      if (unknown_bytes > 0) add(*unknown_, unknown_bytes);
      unknown_bytes = 0;
    };
    for (size_t at = 0; at < word.size();) {
      const uint32_t bytes = utf8_length(word[at]);
      const std::string_view symbol = affixed(word, at, bytes, memory.symbol);
      at += bytes;
      if (const auto id = vocabulary().id(symbol)) {
        flush();
        add(*id, bytes);
      } else if (options_.byte_fallback &&
                 std::ranges::all_of(symbol, [this](char c) { return bytes_.of(c).has_value(); })) {
        for (const char c : symbol) add(*bytes_.of(c), 1);
      } else if (options_.unknown) {
        if (!unknown_) {
          fail_unreadable("a character is not in the vocabulary, and '{}' for such is not either",
                          *options_.unknown);
        }
        if (!options_.fuse_unknown) flush();
        unknown_bytes += bytes;
      }
    }
    flush();
  }

  /// The character at `at` with the prefix or suffix that its place asks for.
  std::string_view affixed(std::string_view word, size_t at, uint32_t bytes,
                           std::string& buffer) const {
    const bool prefixed = at > 0 && !options_.prefix.empty();
    const bool suffixed = at + bytes == word.size() && !options_.suffix.empty();
    const std::string_view plain = word.substr(at, bytes);
    if (!prefixed && !suffixed) return plain;
    buffer.assign(prefixed ? options_.prefix : "").append(plain);
    if (suffixed) buffer += options_.suffix;
    return buffer;
  }

  BpeOptions options_;
  MergeTable merges_;
  ByteTokens bytes_;
  std::optional<uint32_t> unknown_;
  bool splits_at_spaces_;
};

}  // namespace

std::unique_ptr<const Model> make_bpe(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                      const BpeOptions& options) {
  return std::make_unique<Bpe>(std::move(vocabulary), merges, options);
}

Merge merge_of(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
               uint32_t rank, size_t prefix_bytes, const std::string& where) {
  const auto id = [&](std::string_view token) {
    const auto found = vocabulary.id(token);
    if (!found) {
      fail_unreadable(
          "{}: merge {} ('{}' and '{}') needs the token '{}', which is not in the "
          "vocabulary; vocabulary and merges do not belong together",
          where, rank + 1, left, right, token);
    }
    return *found;
  };
  const std::string_view rest = right.substr(std::min(prefix_bytes, right.size()));
  return {id(left), id(right), id(std::string(left).append(rest)), rank};
}

namespace {

/// "left right"; a merge of spaces is written as a pair instead.
Merge read_merge(const Node& item, const Vocabulary& vocabulary, uint32_t rank, size_t prefix) {
  if (item.json().is_array()) {
    const auto pair = item.items();
    if (pair.size() != 2) item.refuse("a pair of tokens");
    return merge_of(vocabulary, pair[0].text(), pair[1].text(), rank, prefix, item.where());
  }
  const std::string line = item.text();
  const size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
    item.refuse("two tokens with one space between");
  const std::string_view view = line;
  return merge_of(vocabulary, view.substr(0, space), view.substr(space + 1), rank, prefix,
                  item.where());
}

}  // namespace

std::unique_ptr<const Model> make_bpe_model(const Node& node, int /*depth*/) {
  BpeOptions options;
  options.unknown = node.optional_text("unk_token");
  options.fuse_unknown = node.boolean("fuse_unk", false);
  options.byte_fallback = node.boolean("byte_fallback", false);
  options.ignore_merges = node.boolean("ignore_merges", false);
  options.prefix = node.text("continuing_subword_prefix", "");
  options.suffix = node.text("end_of_word_suffix", "");
  Vocabulary vocabulary = Vocabulary::read(node.at("vocab"));
  const Node list = node.at("merges");
  std::vector<Merge> merges;
  merges.reserve(list.array().size());
  for (size_t i = 0; i < list.array().size(); ++i) {
    const Node item(list.array()[i], list.where());
    if (item.json().is_string() &&
        item.json().get_ref<const std::string&>().starts_with("#version"))
      continue;
    merges.push_back(
        read_merge(item, vocabulary, static_cast<uint32_t>(merges.size()), options.prefix.size()));
  }
  return make_bpe(std::move(vocabulary), merges, options);
}

}  // namespace graft::texts
