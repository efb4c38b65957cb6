#include "graft/text/post_processor.h"

#include <algorithm>

#include "graft/text/unicode/properties.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {

#define POST_PROCESSOR(file, type) \
  std::unique_ptr<const PostProcessor> make_##file##_post_processor(const Node& node, int depth);
#include "graft/text/post_processors.def"
#undef POST_PROCESSOR

const std::vector<ComponentRecord<PostProcessor>>& post_processors() {
  static const std::vector<ComponentRecord<PostProcessor>> all{
#define POST_PROCESSOR(file, type) {type, make_##file##_post_processor},
#include "graft/text/post_processors.def"
#undef POST_PROCESSOR
  };
  return all;
}

std::unique_ptr<const PostProcessor> make_post_processor(const Node& node, int depth) {
  return make_component(post_processors(), node, "post-processor", depth);
}

SpecialToken read_special(const Node& node) {
  const auto pair = node.items();
  if (pair.size() != 2) node.refuse("a token and its id, like [\"</s>\", 2]");
  return {pair[0].text(), pair[1].id()};
}

Encoding special_encoding(const std::vector<SpecialToken>& tokens, uint32_t type_id,
                          const Encoding& like) {
  Encoding result;
  const size_t count = tokens.size();
  result.detailed = like.detailed;
  for (const SpecialToken& token : tokens) result.ids.push_back(token.id);
  if (!like.detailed) return result;
  result.type_ids.assign(count, type_id);
  for (const SpecialToken& token : tokens) result.tokens.push_back(token.content);
  result.offsets.assign(count, {});
  result.words.assign(count, Encoding::kNone);
  result.sequences.assign(count, Encoding::kNone);
  result.attention_mask.assign(count, 1);
  result.special_tokens_mask.assign(count, 1);
  return result;
}

namespace {

void surround_one(Encoding& encoding, const SpecialToken* before, const SpecialToken* behind,
                  uint32_t type_id) {
  Encoding result;
  result.detailed = encoding.detailed;
  if (before != nullptr) append(result, special_encoding({*before}, type_id, encoding));
  append(result, encoding);
  if (behind != nullptr) append(result, special_encoding({*behind}, type_id, encoding));
  result.overflow = std::move(encoding.overflow);
  encoding = std::move(result);
}

bool is_space_sign(char32_t c) {
  return c == U'\u0120' || is_space(c);  // U+0120: a space in the byte alphabet
}

}  // namespace

void surround(Encoding& encoding, const SpecialToken* before, const SpecialToken* behind,
              uint32_t type_id) {
  for (Encoding& window : encoding.overflow) surround_one(window, before, behind, type_id);
  surround_one(encoding, before, behind, type_id);
}

void trim_offsets(Encoding& encoding, bool prefix_space) {
  for (Encoding& window : encoding.overflow) trim_offsets(window, prefix_space);
  for (size_t i = 0; i < encoding.offsets.size(); ++i) {
    const std::vector<char32_t> all = characters_of(encoding.tokens[i]);
    uint32_t leading = 0;
    uint32_t trailing = 0;
    while (leading < all.size() && is_space_sign(all[leading])) ++leading;
    while (trailing < all.size() && is_space_sign(all[all.size() - 1 - trailing])) ++trailing;
    Span& span = encoding.offsets[i];
    if (leading > 0) {
      const bool put_there = prefix_space && leading == 1 && (i == 0 || span.begin == 0);
      if (!put_there) span.begin = std::min(span.begin + leading, span.end);
    }
    if (trailing > 0 && span.end >= trailing) span.end = std::max(span.end - trailing, span.begin);
  }
}

}  // namespace graft::texts
