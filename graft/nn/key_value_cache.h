#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace graft::nn {

/// What attention of one block reads in a forward pass, as nn::attend takes it.
struct CachedKeys {
  at::Tensor keys, values;  ///< [rows, kv_heads d], those of every sequence that has a slot
  at::Tensor lengths;       ///< [B] int64 on the CPU: the keys of a sequence
  at::Tensor rows;          ///< [B] int64 on the CPU: the row of its first one
};

/// Keys and values of the tokens that a decoder has read, by block: a pass computes new tokens only
/// (Shazeer 2019, arXiv:1911.02150). Each sequence has a slot and a length of its own; a pass goes
/// on with any of them, a whole prompt of one beside a single token of another:
///
///   KeyValueCache cache(2);
///   cache.begin({0, 1}, lengths);  // [2], the new tokens in the flow
///   context.cache = &cache;
///   model.forward(flow, context).at("logits");  // [2, vocabulary]: what follows each
///
/// Room doubles when it is full, for all slots alike, and nothing else is ever copied. Layers with
/// a window forget what no query will see any more, so that they need room for four windows or the
/// longest prompt. Sequences are for use without gradients.
class KeyValueCache {
 public:
  explicit KeyValueCache(int64_t slots) : seen_(static_cast<size_t>(slots), 0) {}

  /// The pass that begins now adds `lengths` [B] tokens to the sequences in these slots.
  void begin(std::vector<int64_t> slots, const at::Tensor& lengths);
  /// Tokens that each of them had before: [B] int64 on the CPU. Positions go on from there.
  const at::Tensor& past() const { return past_; }
  /// Takes in the pass's new rows k and v [T, kv_heads d] of a block, whose queries see `left` keys
  /// before their own; returns what they are to attend to.
  CachedKeys append(int block, const at::Tensor& k, const at::Tensor& v, int64_t left);

  /// The slot's sequence is over; the next one begins there.
  void clear(int64_t slot);
  /// Takes back all but the first `length` tokens of a sequence; false where a window has forgotten
  /// what the tokens behind them would see.
  bool shorten(int64_t slot, int64_t length);
  int64_t bytes() const;

 private:
  struct Layer {
    at::Tensor keys, values;    // [slots, capacity, kv_heads d]
    std::vector<int64_t> kept;  // by slot: tokens that are there, the newest ones
    int64_t left = 0;           // keys that a query sees before its own
  };
  void forget(Layer& layer, int64_t slot, int64_t left) const;
  void make_room(Layer& layer, const at::Tensor& like, int64_t left) const;

  std::vector<int64_t> seen_;  // by slot: tokens that the sequence has
  std::vector<Layer> layers_;  // by block; those without attention stay empty
  std::vector<int64_t> slots_, added_;
  at::Tensor past_;
};

}  // namespace graft::nn
