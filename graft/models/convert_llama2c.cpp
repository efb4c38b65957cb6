#include "graft/models/convert_llama2c.h"

#include <algorithm>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/io/llama2c.h"
#include "graft/io/safetensors.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

/// The tokenizer beside a model: llama2.c's own form, or sentencepiece's.
fs::path tokenizer_beside(const fs::path& file) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::absolute(file).parent_path())) {
    const std::string name = entry.path().filename().string();
    const bool own = name.starts_with("tok") && name.ends_with(".bin");
    if (entry.is_regular_file() && (own || name.ends_with(".model"))) found.push_back(entry.path());
  }
  if (found.size() != 1) {
    fail_unreadable(
        "{}: beside a model of llama2.c there must be its tokenizer, tok….bin or ….model, and no "
        "other; there are {}",
        file.string(), found.size());
  }
  return found.front();
}

}  // namespace

fs::path find_llama2c(const fs::path& source) {
  if (fs::is_regular_file(source)) return io::is_llama2c(source) ? source : fs::path();
  std::vector<fs::path> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(source, failed)) {
    if (entry.path().extension() == ".bin" && io::is_llama2c(entry.path()))
      found.push_back(entry.path());
  }
  if (found.size() > 1) {
    fail_unreadable("{} holds {} models of llama2.c; give the file", source.string(), found.size());
  }
  return found.empty() ? fs::path() : found.front();
}

std::string convert_llama2c(const fs::path& file, const fs::path& folder) {
  const io::Llama2c model = io::read_llama2c(file);
  const fs::path tokenizer = tokenizer_beside(file);
  const bool own = tokenizer.extension() == ".bin";
  const std::string json =
      own ? io::llama2c_tokenizer_json(io::read_llama2c_tokenizer(tokenizer, model.vocabulary))
          : "";
  fs::create_directories(folder);
  io::write_safetensors(folder / "model.safetensors", model.tensors, {{"format", "pt"}});
  write_json(folder / "config.json", {{"architectures", {"LlamaForCausalLM"}},
                                      {"model_type", "llama"},
                                      {"hidden_size", model.width},
                                      {"intermediate_size", model.inner},
                                      {"num_hidden_layers", model.layers},
                                      {"num_attention_heads", model.heads},
                                      {"num_key_value_heads", model.kv_heads},
                                      {"vocab_size", model.vocabulary},
                                      {"max_position_embeddings", model.positions},
                                      {"rms_norm_eps", 1e-5},
                                      {"rope_theta", 10000.0},
                                      {"hidden_act", "silu"},
                                      {"attention_bias", false},
                                      {"tie_word_embeddings", model.tied},
                                      {"bos_token_id", 1},
                                      {"eos_token_id", 2},
                                      {"dtype", "float32"}});
  write_json(folder / "tokenizer_config.json", {{"tokenizer_class", "LlamaTokenizer"},
                                                {"bos_token", "<s>"},
                                                {"eos_token", "</s>"},
                                                {"unk_token", "<unk>"},
                                                {"add_bos_token", true},
                                                {"add_eos_token", false},
                                                {"model_max_length", model.positions}});
  if (own)
    write_atomically(folder / "tokenizer.json", json);
  else
    fs::copy_file(tokenizer, folder / "tokenizer.model", fs::copy_options::overwrite_existing);
  return fmt::format("a Llama of llama2.c, {} layers of width {}, {} tokens", model.layers,
                     model.width, model.vocabulary);
}

}  // namespace graft::models
