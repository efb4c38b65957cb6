#include "graft/text/formats/formats.h"

namespace graft::texts {

std::unique_ptr<const PostProcessor> around(const SpecialToken* before,
                                            const SpecialToken* behind) {
  if (before == nullptr && behind == nullptr) return nullptr;
  TreeJson single = TreeJson::array();
  TreeJson pair = TreeJson::array();
  TreeJson specials = TreeJson::object();
  const auto put_special = [&](TreeJson& list, const SpecialToken* token, uint32_t type) {
    if (token == nullptr) return;
    list.push_back({{"SpecialToken", {{"id", token->content}, {"type_id", type}}}});
    specials[token->content] = {{"id", token->content},
                                {"ids", TreeJson::array({token->id})},
                                {"tokens", TreeJson::array({token->content})}};
  };
  const auto put = [&](TreeJson& list, const char* sequence, uint32_t type) {
    put_special(list, before, type);
    list.push_back({{"Sequence", {{"id", sequence}, {"type_id", type}}}});
    put_special(list, behind, type);
  };
  put(single, "A", 0);
  put(pair, "A", 0);
  put(pair, "B", 1);
  return component_from(make_post_processor, {{"type", "TemplateProcessing"},
                                              {"single", single},
                                              {"pair", pair},
                                              {"special_tokens", specials}});
}

}  // namespace graft::texts
