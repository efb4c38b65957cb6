#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "graft/io/tensor_map.h"

namespace graft::io {

/// A Llama as llama2.c writes it (version 0: seven whole numbers, then float32 matrices of all
/// layers one after the other).
struct Llama2c {
  int64_t width = 0, inner = 0, layers = 0, heads = 0, kv_heads = 0, vocabulary = 0, positions = 0;
  bool tied = true;
  /// Names and forms of Hugging Face's Llama: "model.layers.0.self_attn.q_proj.weight" …, with the
  /// rows of queries and keys in the order that rotates halves.
  TensorMap tensors;
};

/// Whether the file's length is what its header asks for.
bool is_llama2c(const std::filesystem::path& file);
/// Errors (exit code 3) where header and length do not go together.
Llama2c read_llama2c(const std::filesystem::path& file);

/// A piece of llama2.c's tokenizer file ("tok512.bin").
struct Llama2cPiece {
  std::string text;
  float score = 0;
};
/// `count` pieces, or an error (exit code 3).
std::vector<Llama2cPiece> read_llama2c_tokenizer(const std::filesystem::path& file, int64_t count);
/// The same as the text of a tokenizer.json: pairs merge in the order of their scores.
std::string llama2c_tokenizer_json(const std::vector<Llama2cPiece>& pieces);

}  // namespace graft::io
