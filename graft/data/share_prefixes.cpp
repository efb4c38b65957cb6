#include "graft/data/share_prefixes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace graft::data {
namespace {

// Tokens that a shared piece must save: a sequence of its own costs something in every layer.
constexpr int64_t kWorthPiece = 16;
// Share of a batch's tokens that must be saved: keys and values are copied for it.
constexpr int64_t kWorthBatch = 16;

struct Text {
  int64_t begin, size;
  int64_t shareable;  // tokens at its beginning
};

/// Tokens [begin, end) of `text`, behind those of `parent` (-1: none).
struct Piece {
  int64_t text, begin, end, parent;
};

std::vector<Text> texts_of(const nn::Flow& flow) {
  const at::Tensor& lengths = flow.at("lengths");
  const auto* size = lengths.const_data_ptr<int64_t>();
  const auto* target = flow.at("targets").const_data_ptr<int64_t>();
  std::vector<Text> texts;
  int64_t begin = 0;
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    const auto* own = target + begin;
    const auto* learns = std::find_if(own, own + size[i], [](int64_t t) { return t >= 0; });
    texts.push_back({begin, size[i], std::max<int64_t>(0, std::min(learns - own, size[i] - 1))});
    begin += size[i];
  }
  return texts;
}

/// The pieces that are shared, and behind which of them each text goes on by itself.
class Tree {
 public:
  Tree(const int64_t* ids, std::vector<Text> texts)
      : ids_(ids), texts_(std::move(texts)), ends_(texts_.size()) {
    std::vector<int64_t> order(texts_.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    // Texts with a common beginning are neighbours then, and the first of them comes first.
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const Text &x = text(a), &y = text(b);
      return std::lexicographical_compare(ids + x.begin, ids + x.begin + x.shareable, ids + y.begin,
                                          ids + y.begin + y.shareable);
    });
    divide(order, 0, {-1, 0});
  }
  const std::vector<Piece>& shared() const { return shared_; }
  const std::vector<Piece>& ends() const { return ends_; }
  int64_t saved() const { return saved_; }

 private:
  struct Place {
    int64_t piece, depth;  // tokens before it are in pieces
  };
  const Text& text(int64_t i) const { return texts_[static_cast<size_t>(i)]; }
  int64_t id(int64_t i, int64_t at) const { return ids_[text(i).begin + at]; }

  /// `order` are texts that agree in the first `agreed` tokens.
  void divide(const std::vector<int64_t>& order, int64_t agreed, Place place) {
    if (order.size() == 1) {
      ends_[static_cast<size_t>(order[0])] = {order[0], place.depth, text(order[0]).size,
                                              place.piece};
      return;
    }
    const auto agrees = [&](int64_t at) {
      // Sorted: what the first and the last agree in, all do.
      return at < text(order.front()).shareable && at < text(order.back()).shareable &&
             id(order.front(), at) == id(order.back(), at);
    };
    while (agrees(agreed)) ++agreed;
    const auto others = static_cast<int64_t>(order.size()) - 1;
    if (const int64_t saves = others * (agreed - place.depth); saves >= kWorthPiece) {
      shared_.push_back({order.front(), place.depth, agreed, place.piece});
      place = {static_cast<int64_t>(shared_.size()) - 1, agreed};
      saved_ += saves;
    }
    for (size_t i = 0; i < order.size();) {
      size_t end = i + 1;
      const bool goes_on = agreed < text(order[i]).shareable;
      while (goes_on && end < order.size() && id(order[end], agreed) == id(order[i], agreed)) ++end;
      divide({order.begin() + static_cast<std::ptrdiff_t>(i),
              order.begin() + static_cast<std::ptrdiff_t>(end)},
             agreed, place);
      i = end;
    }
  }

  const int64_t* ids_;
  std::vector<Text> texts_;
  std::vector<Piece> shared_, ends_;
  int64_t saved_ = 0;
};

}  // namespace

nn::Flow share_prefixes(const nn::Flow& flow) {
  const int64_t tokens = flow.at("ids").size(0);
  const std::vector<Text> texts = texts_of(flow);
  if (texts.size() < 2) return flow;
  const Tree tree(flow.at("ids").const_data_ptr<int64_t>(), texts);
  if (tree.saved() == 0 || tree.saved() < tokens / kWorthBatch) return flow;

  std::vector<Piece> pieces = tree.shared();
  const auto shared = static_cast<int64_t>(pieces.size());
  pieces.insert(pieces.end(), tree.ends().begin(), tree.ends().end());
  std::vector<int64_t> kept, lengths, before, seen;
  std::vector<std::vector<int64_t>> rows;  // of each shared piece and those before it
  for (const Piece& p : pieces) {
    std::vector<int64_t> path;
    if (p.parent >= 0) path = rows[static_cast<size_t>(p.parent)];
    before.push_back(static_cast<int64_t>(path.size()));
    lengths.push_back(p.end - p.begin);
    for (int64_t at = p.begin; at < p.end; ++at) {
      path.push_back(static_cast<int64_t>(kept.size()));
      kept.push_back(texts[static_cast<size_t>(p.text)].begin + at);
    }
    seen.insert(seen.end(), path.begin(), path.end());
    if (static_cast<int64_t>(rows.size()) < shared) rows.push_back(std::move(path));
  }
  const auto tensor = [](const std::vector<int64_t>& numbers) {
    return at::tensor(numbers, at::kLong);
  };
  const at::Tensor places = tensor(kept);
  nn::Flow result("ids", flow.at("ids").index_select(0, places));
  result["lengths"] = tensor(lengths);
  result["before"] = tensor(before);
  result["seen"] = tensor(seen);
  result["ends"] = at::arange(shared, static_cast<int64_t>(pieces.size()));
  result["targets"] = flow.at("targets").index_select(0, places);
  return result;
}

}  // namespace graft::data
