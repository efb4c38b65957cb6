#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "graft/base/json.h"
#include "graft/models/model.h"
#include "graft/nn/key_value_cache.h"
#include "graft/nn/linear.h"
#include "graft/nn/sequence_attention.h"

/// What the families that read texts share. Tokens of a batch's texts lie one after the other,
/// without padding (nn/sequences.h): a chain begins with "ids" [T] and "lengths" [B], and "x"
/// [T, width] and "lengths" flow between its blocks.
///
/// Where texts share their beginnings (data/share_prefixes.h), the sequences are pieces of texts:
/// "before" [B] says how many tokens of its text stand before a piece, "seen" the rows of all that
/// its tokens see, piece after piece, its own last, and "ends" which piece ends each text.
namespace graft::models {

/// How a text becomes the features that its head reads.
enum class Pooling { first, last, mean };
/// Keys of a config: how a text is pooled, and whether embeddings have the length 1.
inline constexpr const char* kPoolingKey = "classifier_pooling";
inline constexpr const char* kNormalizeKey = "normalize_features";
/// "classifier_pooling" of the config: cls or first, last, mean; `usual` where it is absent.
Pooling pooling_of(const Json& config, Pooling usual);
/// As it stands there.
const char* pooling_name(Pooling pooling);

/// Tokens of its text before each sequence of a flow, [B] on the CPU; undefined: none.
at::Tensor tokens_before(const nn::Flow& flow, const nn::Context& context);

/// The tokens of a batch, for a layer.
struct TokenRows {
  TokenRows(const nn::Flow& flow, const nn::Context& context);

  /// Those of the whole texts, or of what is new where there is a cache.
  at::Tensor lengths;
  /// The rows [B] of x that leave the layer, one of each text; undefined: all. What no one reads is
  /// not computed.
  at::Tensor wanted;
  /// Tokens [B] of each text that come before these, in the cache or in `seen`; undefined: none do.
  at::Tensor past;
  /// The rows of k and v that each text's queries see, text after text; undefined: its own.
  at::Tensor seen;

  /// nn::attend of the rows that leave, with keys and values of all rows and of those in the cache.
  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    const nn::SequenceAttention& rule, const nn::Context& context) const;
  /// The rows of t that leave.
  at::Tensor pick(const at::Tensor& t) const;
};

/// What becomes of rows, each by itself: a norm, a transform.
using FinishRows = std::function<at::Tensor(const at::Tensor& x)>;

/// How a tower ends.
struct TowerEnd {
  std::optional<Pooling> pooling = {};  ///< none: all tokens go to the head
  bool picks = true;       ///< the last layer can leave out tokens that pooling does not read
  FinishRows finish = {};  ///< follows the last layer; may be empty
  FinishRows pooled = {};  ///< follows pooling; may be empty
};

/// A layer as a block of the chain. Layer is called as layer(x, rows, context).
template <typename Layer>
class TokenBlock final : public Block {
 public:
  template <typename... Args>
  TokenBlock(const nn::Scope& scope, std::optional<TowerEnd> end, Args&&... args)
      : layer_(scope, std::forward<Args>(args)...), end_(std::move(end)) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  Layer layer_;
  std::optional<TowerEnd> end_;
};

/// The rows that pooling reads where it reads one of each text, else undefined. Where texts are
/// `continued` and nothing is pooled, what follows the last one is all that is asked.
at::Tensor rows_for(const TowerEnd& end, const at::Tensor& lengths, bool continued);
/// "features" [B, width], or "x" and "lengths" where nothing is pooled. `picked`: x has one row of
/// each text already.
nn::Flow end_tower(const TowerEnd& end, at::Tensor x, const at::Tensor& lengths, bool picked);

template <typename Layer>
nn::Flow TokenBlock<Layer>::forward(nn::Flow flow, nn::Context& context) {
  TokenRows rows(flow, context);
  if (end_) rows.wanted = rows_for(*end_, rows.lengths, context.cache != nullptr);
  at::Tensor x = layer_(flow.at("x"), rows, context);
  if (end_) return end_tower(*end_, std::move(x), rows.lengths, rows.wanted.defined());
  nn::Flow result("x", std::move(x));
  result["lengths"] = rows.lengths;
  return result;
}

/// Refuses (exit code 3) sizes of a transformer that cannot be: `inner` is the width inside the
/// MLP, `positions` the rows of learned positions, 1 where there are none.
void check_sizes(int64_t layers, int64_t width, int64_t heads, int64_t inner,
                 int64_t positions = 1);

/// Normal weights with the config's initializer_range, as transformers does it; biases stay zero.
void init_text_tower(Model& model, const nn::Init& random);

}  // namespace graft::models
