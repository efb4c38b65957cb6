#include "graft/text/decoder.h"

#include <span>
#include <utility>

namespace graft::texts {

#define DECODER(file, type) \
  std::unique_ptr<const Decoder> make_##file##_decoder(const Node& node, int depth);
#include "graft/text/decoders.def"
#undef DECODER

const std::vector<ComponentRecord<Decoder>>& decoders() {
  static const std::vector<ComponentRecord<Decoder>> all{
#define DECODER(file, type) {type, make_##file##_decoder},
#include "graft/text/decoders.def"
#undef DECODER
  };
  return all;
}

std::unique_ptr<const Decoder> make_decoder(const Node& node, int depth) {
  return make_component(decoders(), node, "decoder", depth);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  size_t at = text.find(from);
  if (at == std::string::npos) return text;
  std::string out;
  size_t begin = 0;
  for (; at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  return out.append(text, begin);
}

namespace {

using Rule = std::pair<std::string_view, std::string_view>;

constexpr Rule kSigns[] = {{" .", "."},  {" ?", "?"},     {" !", "!"},  {" ,", ","},
                           {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}};
constexpr Rule kNot[] = {{" do not", " don't"}};
constexpr Rule kEndings[] = {{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

std::string apply_rules(std::string text, std::span<const Rule> rules) {
  for (const auto& [from, to] : rules) text = replaced(std::move(text), from, to);
  return text;
}

}  // namespace

std::string clean_up(std::string text) {
  return apply_rules(apply_rules(apply_rules(std::move(text), kSigns), kNot), kEndings);
}

std::string clean_up_spaces(std::string text) {
  return apply_rules(apply_rules(std::move(text), kSigns), kEndings);
}

}  // namespace graft::texts
