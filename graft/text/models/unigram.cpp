#include "graft/text/models/unigram.h"

#include <algorithm>
#include <limits>

#include "graft/text/byte_trie.h"
#include "graft/text/unicode/utf8.h"
#include "graft/text/word_cache.h"

namespace graft::texts {
namespace {

constexpr double kUnknownPenalty = 10.0;

/// The best way to the end of a token.
struct Best {
  double score = 0;
  int64_t start = -1;  ///< where its last token begins; -1 when there is no way
  uint32_t id = 0;
};

struct UnigramScratch : Scratch {
  WordCache cache;
  std::vector<Best> best;
};

class Unigram : public Model {
 public:
  Unigram(Vocabulary pieces, UnigramOptions options)
      : Model(std::move(pieces)),
        options_(std::move(options)),
        bytes_(vocabulary()),
        unknown_score_(lowest() - kUnknownPenalty) {
    std::vector<ByteTrie::Entry> entries;
    for (uint32_t id = 0; id < vocabulary().id_end(); ++id) {
      if (!hidden(id)) entries.push_back({*vocabulary().token(id), id});
    }
    trie_ = ByteTrie(std::move(entries));
  }

  std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<UnigramScratch>();
  }

  void tokenize(std::string_view piece, Scratch* scratch, std::vector<Token>& out) const override {
    auto& memory = static_cast<UnigramScratch&>(*scratch);
    const uint64_t hash = hash_text(piece);
    if (piece.size() <= WordCache::kLongestWord) {
      const auto found = memory.cache.find(piece, hash);
      if (!found.empty()) {
        out.insert(out.end(), found.begin(), found.end());
        return;
      }
    }
    const size_t before = out.size();
    find_best(piece, memory.best);
    collect(piece, memory.best, out);
    memory.cache.put(piece, hash, std::span(out).subspan(before));
  }
  std::optional<uint32_t> unknown() const override { return options_.unknown; }

 private:
  bool hidden(uint32_t id) const { return id < options_.hidden.size() && options_.hidden[id]; }

  double lowest() const {
    double least = std::numeric_limits<double>::infinity();
    for (uint32_t id = 0; id < options_.scores.size(); ++id) {
      if (!hidden(id)) least = std::min(least, options_.scores[id]);
    }
    return least;
  }

  double add(double a, double b) const {
    if (!options_.single_precision) return a + b;
    return static_cast<float>(a) + static_cast<float>(b);
  }

  void find_best(std::string_view piece, std::vector<Best>& best) const {
    best.assign(piece.size() + 1, {});
    for (size_t start = 0; start < piece.size();) {
      const uint32_t own_bytes = utf8_length(piece[start]);
      const double until_here = best[start].score;
      bool single = false;
      const auto offer = [&](uint32_t bytes, double score) {
        Best& target = best[start + bytes];
        const double sum = add(score, until_here);
        if (target.start >= 0 && !(sum > target.score)) return false;
        target.score = sum;
        target.start = static_cast<int64_t>(start);
        return true;
      };
      trie_.prefixes(piece.substr(start), [&](uint32_t bytes, uint32_t id) {
        if (offer(bytes, options_.scores[id])) best[start + bytes].id = id;
        single = single || bytes == own_bytes;
      });
      if (!single && offer(own_bytes, unknown_score_)) best[start + own_bytes].id = required();
      start += own_bytes;
    }
  }

  /// Follows the best way back and turns it round.
  void collect(std::string_view piece, const std::vector<Best>& best,
               std::vector<Token>& out) const {
    const size_t before = out.size();
    const auto last_is_unknown = [&] {
      return out.size() > before && options_.unknown && out.back().id == *options_.unknown;
    };
    for (size_t end = piece.size(); end > 0;) {
      const Best& node = best[end];
      const auto start = static_cast<uint32_t>(node.start);
      if (options_.unknown && node.id == *options_.unknown && last_is_unknown()) {
        out.back().begin = start;
      } else {
        out.push_back({node.id, start, static_cast<uint32_t>(end)});
      }
      end = start;
    }
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
    resolve_unknown(piece, before, out);
  }

  /// What is unknown may be a token after all when joined; else it falls back to bytes.
  void resolve_unknown(std::string_view piece, size_t before, std::vector<Token>& out) const {
    if (!options_.unknown) return;
    const auto is_unknown = [&](const Token& token) { return token.id == *options_.unknown; };
    if (std::none_of(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), is_unknown))
      return;
    const std::vector<Token> old(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
    out.resize(before);
    for (Token token : old) {
      if (!is_unknown(token)) {
        out.push_back(token);
        continue;
      }
      const std::string_view part = piece.substr(token.begin, token.end - token.begin);
      const auto id = vocabulary().id(part);
      if (id && !hidden(*id)) {
        out.push_back({*id, token.begin, token.end});
      } else if (options_.byte_fallback &&
                 std::ranges::all_of(part, [this](char c) { return bytes_.of(c).has_value(); })) {
        for (const char c : part) out.push_back({*bytes_.of(c), token.begin, token.end});
      } else {
        token.literal = true;
        out.push_back(token);
      }
    }
  }

  uint32_t required() const {
    if (!options_.unknown) {
      fail_unreadable(
          "a character is not in the vocabulary, which names no token for unknown ones (unk_id)");
    }
    return *options_.unknown;
  }

  UnigramOptions options_;
  ByteTokens bytes_;
  double unknown_score_;
  ByteTrie trie_;
};

}  // namespace

std::unique_ptr<const Model> make_unigram(Vocabulary vocabulary, UnigramOptions options) {
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(options));
}

std::unique_ptr<const Model> make_unigram_model(const Node& node, int /*depth*/) {
  UnigramOptions options;
  std::vector<std::string> tokens;
  const Node list = node.at("vocab");
  for (const auto& item : list.array()) {
    const Node pair(item, list.where());
    if (pair.array().size() != 2) pair.refuse("a pair of token and score");
    tokens.push_back(Node(item[0], list.where()).text());
    options.scores.push_back(Node(item[1], list.where()).number());
  }
  if (const auto unknown = node.find("unk_id")) {
    if (unknown->count() >= tokens.size()) unknown->refuse("an id of the vocabulary");
    options.unknown = unknown->id();
  }
  options.byte_fallback = node.boolean("byte_fallback", false);
  return make_unigram(Vocabulary(std::move(tokens)), std::move(options));
}

}  // namespace graft::texts
