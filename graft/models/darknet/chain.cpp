#include "graft/models/darknet/chain.h"

#include <algorithm>
#include <set>

#include "graft/base/error.h"

namespace graft::models {
namespace {

using io::DarknetNet;

constexpr int kNowhere = -1;  // a layer that leads to no yolo layer
constexpr int kSeveral = -2;  // … to more than one

/// The network without routes that only pass on, and what it says of the division.
class Graph {
 public:
  explicit Graph(const DarknetNet& net) : net_(net), size_(static_cast<int>(net.layers.size())) {
    for (int i = 0; i < size_; ++i) {
      for (const int from : net.layer(i).inputs) {
        if (from >= 0 && computes(i)) reads_.emplace_back(darknet_origin(net, from), i);
      }
    }
    for (const int y : net.yolos()) heads_.push_back(net.layer(y).inputs[0]);
  }

  int size() const { return size_; }
  /// The convolution that each yolo layer reads.
  const std::vector<int>& heads() const { return heads_; }
  bool is_head(int i) const { return std::ranges::find(heads_, i) != heads_.end(); }
  /// Whether a layer does anything.
  bool computes(int i) const { return darknet_origin(net_, i) == i; }
  /// Whether it is part of a block below the head.
  bool below_head(int i) const {
    return computes(i) && !is_head(i) && !net_.layer(i).as<io::DarknetYolo>();
  }
  /// Calls f(layer, reader) for each pair.
  template <typename F>
  void for_each_read(F&& f) const {
    for (const auto& [layer, reader] : reads_) f(layer, reader);
  }

  /// Where the first layer stands that leads to the first yolo layer alone and so do all behind it.
  int first_branch() const {
    if (heads_.size() == 1) return heads_[0];
    std::vector<int> leads(static_cast<size_t>(size_), kNowhere);
    for (int i = size_ - 1; i >= 0; --i) {
      int& own = leads[static_cast<size_t>(i)];
      if (net_.layer(i).as<io::DarknetYolo>()) own = i;
      for (const auto& [layer, reader] : reads_) {
        if (layer != i) continue;
        const int its = leads[static_cast<size_t>(reader)];
        if (own == kNowhere)
          own = its;
        else if (its != kNowhere && its != own)
          own = kSeveral;
      }
    }
    int first = heads_[0];
    const int yolo = leads[static_cast<size_t>(first)];
    while (first > 0 && (!computes(first - 1) || leads[static_cast<size_t>(first - 1)] == yolo))
      --first;
    return first;
  }

  /// Outputs of layers up to i that the backbone below `end` still reads.
  std::set<int> alive(int i, int end) const {
    std::set<int> live;
    for (const auto& [layer, reader] : reads_) {
      if (layer <= i && reader > i && reader < end) live.insert(layer);
    }
    return live;
  }

  bool ends_block(int i, int next, int end) const {
    const auto live = alive(i, end);
    const io::DarknetLayer& layer = net_.layer(i);
    const bool residual = layer.as<io::DarknetShortcut>();
    // Of a split as CSP networks have it (Wang et al. 2020) the other half waits beside residuals.
    if (!live.contains(i) || live.size() > (residual ? 2U : 1U)) return false;
    const io::DarknetLayer& following = net_.layer(next);
    if (following.as<io::DarknetMaxPool>() || following.as<io::DarknetDropout>()) return false;
    if (const auto* c = following.as<io::DarknetConvolution>(); c && c->groups == 1) {
      if (c->stride_x > 1 || c->stride_y > 1) return true;
    }
    const auto* c = layer.as<io::DarknetConvolution>();
    const bool bottleneck = c && c->activation == io::DarknetActivation::linear;
    return residual || bottleneck || layer.as<io::DarknetMaxPool>() || layer.as<io::DarknetRoute>();
  }

 private:
  const DarknetNet& net_;
  int size_;
  std::vector<std::pair<int, int>> reads_;  // layer, reader
  std::vector<int> heads_;
};

/// Layers below the head from `begin` to `end`.
std::vector<int> below_head(const Graph& graph, int begin, int end) {
  std::vector<int> layers;
  for (int i = begin; i < end; ++i) {
    if (graph.below_head(i)) layers.push_back(i);
  }
  return layers;
}

void add_backbone(const Graph& graph, int end, std::vector<DarknetPart>& parts) {
  const std::vector<int> layers = below_head(graph, 0, end);
  std::vector<int> block;
  const auto close = [&] {
    const std::string name = parts.empty() ? "stem" : fmt::format("block {}", parts.size() - 1);
    parts.push_back({name, Span::backbone, std::exchange(block, {}), {}});
  };
  for (size_t k = 0; k < layers.size(); ++k) {
    block.push_back(layers[k]);
    if (k + 1 == layers.size() || graph.ends_block(layers[k], layers[k + 1], end)) close();
  }
}

/// Sets what each part hands on.
void set_kept(const Graph& graph, std::vector<DarknetPart>& parts) {
  std::vector<int> part_of(static_cast<size_t>(graph.size()), -1);
  for (size_t p = 0; p < parts.size(); ++p) {
    for (const int i : parts[p].layers) part_of[static_cast<size_t>(i)] = static_cast<int>(p);
  }
  std::vector<std::set<int>> kept(parts.size());
  graph.for_each_read([&](int layer, int reader) {
    const int from = part_of[static_cast<size_t>(layer)];
    const int to = part_of[static_cast<size_t>(reader)];  // < 0: a yolo layer
    for (int p = from; p < to; ++p) kept[static_cast<size_t>(p)].insert(layer);
  });
  for (size_t p = 0; p < parts.size(); ++p) parts[p].kept.assign(kept[p].begin(), kept[p].end());
}

}  // namespace

int darknet_origin(const DarknetNet& net, int i) {
  while (i >= 0) {
    const io::DarknetLayer& layer = net.layer(i);
    const auto* route = layer.as<io::DarknetRoute>();
    if (!route || layer.inputs.size() != 1 || route->groups != 1) break;
    i = layer.inputs[0];
  }
  return i;
}

std::vector<DarknetPart> divide_darknet(const DarknetNet& net, const DarknetDivision& division) {
  const Graph graph(net);
  const int first_head = graph.heads().front();
  if (division.backbone < 0 || division.backbone > first_head)
    fail_unreadable(
        "config.json: backbone_layers must be from 1 to {}, the layers before the first head, or 0 "
        "for those up to the first branch; got {}",
        first_head, division.backbone);
  const int end =
      division.backbone > 0 ? static_cast<int>(division.backbone) : graph.first_branch();
  std::vector<DarknetPart> parts;
  add_backbone(graph, end, parts);
  int begin = end;
  for (size_t k = 0; k < graph.heads().size(); ++k) {
    std::vector<int> layers = below_head(graph, begin, graph.heads()[k]);
    begin = graph.heads()[k] + 1;
    if (layers.empty()) continue;
    parts.push_back({fmt::format("branch {}", k),
                     division.branches ? Span::head : Span::neck,
                     std::move(layers),
                     {}});
  }
  parts.push_back({"head", Span::head, graph.heads(), {}});
  set_kept(graph, parts);
  return parts;
}

}  // namespace graft::models
