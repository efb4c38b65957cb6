#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/text/model.h"

namespace graft::texts {

struct BpeOptions {
  std::optional<std::string> unknown;  ///< token for characters that are not in the vocabulary
  bool fuse_unknown = false;           ///< neighbouring unknown characters become one token
  bool byte_fallback = false;          ///< unknown characters become <0x..> tokens where they can
  bool ignore_merges = false;          ///< a piece that is a token needs no merges
  std::string prefix;                  ///< of symbols that continue a word ("##")
  std::string suffix;                  ///< of the symbol that ends a word ("</w>")
};

/// Two neighbours and what they become; ids of the vocabulary.
struct Merge {
  uint32_t left = 0;
  uint32_t right = 0;
  uint32_t result = 0;
  uint32_t rank = 0;  ///< lower ones are applied first; of equal ones the leftmost
};

/// Byte pair encoding (Sennrich et al. 2016): starts from characters and applies the merge of the
/// lowest rank, leftmost first, until none is left.
std::unique_ptr<const Model> make_bpe(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                      const BpeOptions& options);

/// The merge of two tokens by their texts, the prefix of the second one dropped. Throws (exit code
/// 3) when a token of it is not in the vocabulary.
Merge merge_of(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
               uint32_t rank, size_t prefix_bytes, const std::string& where);

}  // namespace graft::texts
