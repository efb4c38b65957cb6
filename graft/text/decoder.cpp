#include "graft/text/decoder.h"

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

std::string clean_up(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) text = replaced(std::move(text), from, to);
  return text;
}

}  // namespace graft::texts
