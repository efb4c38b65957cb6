#include "graft/text/model.h"

namespace graft::texts {

#define MODEL(file, type) \
  std::unique_ptr<const Model> make_##file##_model(const Node& node, int depth);
#include "graft/text/models.def"
#undef MODEL

const std::vector<ComponentRecord<Model>>& models() {
  static const std::vector<ComponentRecord<Model>> all{
#define MODEL(file, type) {type, make_##file##_model},
#include "graft/text/models.def"
#undef MODEL
  };
  return all;
}

std::unique_ptr<const Model> make_model(const Node& node) {
  if (node.find("type")) return make_component(models(), node, "model", 0);
  // Old files: told by the members that only one model has.
  if (node.find("merges")) return make_bpe_model(node, 0);
  if (node.find("max_input_chars_per_word")) return make_word_piece_model(node, 0);
  if (node.at("vocab").json().is_array()) return make_unigram_model(node, 0);
  return make_word_level_model(node, 0);
}

}  // namespace graft::texts
