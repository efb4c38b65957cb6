#include "graft/models/vit_names.h"

namespace graft::models {

std::vector<Rename> vit_file_to_module() {
  return {
      {R"(encoder\.layer\.)", "layers."},
      {R"(attention\.query)", "q_proj"},
      {R"(attention\.key)", "k_proj"},
      {R"(attention\.value)", "v_proj"},
      {R"(attention\.output\.dense)", "attention.o_proj"},  // before the MLP's output.dense
      {R"(intermediate\.dense)", "mlp.fc1"},
      {R"(output\.dense)", "mlp.fc2"},
  };
}

std::vector<Rename> vit_module_to_file() {
  return {
      {R"(\.layers\.(\d+)\.)", ".encoder.layer.$1."},
      {R"(attention\.q_proj)", "attention.attention.query"},
      {R"(attention\.k_proj)", "attention.attention.key"},
      {R"(attention\.v_proj)", "attention.attention.value"},
      {R"(attention\.o_proj)", "attention.output.dense"},
      {R"(mlp\.fc1)", "intermediate.dense"},
      {R"(mlp\.fc2)", "output.dense"},
  };
}

}  // namespace graft::models
