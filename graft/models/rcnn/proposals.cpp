#include "graft/models/rcnn/proposals.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/image/nms.h"
#include "graft/tensor/parallel.h"

namespace graft::models {
namespace {

constexpr float kSmallestSide = 1e-3F;  // of a proposal, in pixels

/// Proposals of one map of one picture.
struct Found {
  std::vector<image::Box> boxes;
  std::vector<float> scores;  ///< falling
};

struct Search {
  int64_t before_nms;
  float nms;
  image::Dimensions input;
};

/// `objectness` [A] and `offsets` [A, 4] on the CPU.
Found find_on_map(const at::Tensor& objectness, const at::Tensor& offsets,
                  const at::Tensor& anchors, const Search& search) {
  const int64_t count = std::min(search.before_nms, objectness.size(0));
  const auto [best, places] = objectness.topk(count);
  const at::Tensor scores = best.sigmoid().contiguous();
  const at::Tensor decoded =
      BoxCoder().decode(offsets.index_select(0, places), anchors.index_select(0, places));
  const at::Tensor cut =
      cut_at_borders(decoded, search.input.height, search.input.width).contiguous();
  Found all;
  const float* corner = cut.data_ptr<float>();
  const float* score = scores.data_ptr<float>();
  for (int64_t i = 0; i < count; ++i, corner += 4) {
    const image::Box box{corner[0], corner[1], corner[2], corner[3]};
    // False of NaN, too.
    if (!(box.width() >= kSmallestSide && box.height() >= kSmallestSide && std::isfinite(score[i])))
      continue;
    all.boxes.push_back(box);
    all.scores.push_back(score[i]);
  }
  const std::vector<int> labels(all.boxes.size(), 0);
  Found kept;
  for (const int i : image::suppress(all.boxes, all.scores, labels, search.nms)) {
    kept.boxes.push_back(all.boxes[static_cast<size_t>(i)]);
    kept.scores.push_back(all.scores[static_cast<size_t>(i)]);
  }
  return kept;
}

/// The best of all maps, [R, 4].
at::Tensor best_of(const Found* maps, size_t count, int64_t most) {
  std::vector<std::pair<float, const image::Box*>> all;
  for (size_t level = 0; level < count; ++level) {
    for (size_t i = 0; i < maps[level].boxes.size(); ++i)
      all.emplace_back(maps[level].scores[i], &maps[level].boxes[i]);
  }
  std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.first > b.first; });
  all.resize(std::min(all.size(), static_cast<size_t>(most)));
  at::Tensor boxes = at::empty({static_cast<int64_t>(all.size()), 4}, at::kFloat);
  float* out = boxes.data_ptr<float>();
  for (const auto& [score, box] : all) {
    for (const float side : {box->x0, box->y0, box->x1, box->y1}) *out++ = side;
  }
  return boxes;
}

}  // namespace

PaddedBoxes::PaddedBoxes(const std::vector<at::Tensor>& all) {
  int64_t most = 0;
  std::vector<int64_t> sizes;
  for (const at::Tensor& one : all) {
    sizes.push_back(one.size(0));
    most = std::max(most, one.size(0));
  }
  boxes = at::zeros({static_cast<int64_t>(all.size()), most, 4}, all[0].options());
  for (size_t i = 0; i < all.size(); ++i)
    boxes[static_cast<int64_t>(i)].narrow(0, 0, sizes[i]).copy_(all[i]);
  counts = at::tensor(sizes, all[0].options().dtype(at::kLong));
}

image::Dimensions input_under(const at::Tensor& finest) {
  constexpr int64_t stride = FasterRcnnSettings::kStride;
  return {static_cast<int>(finest.size(3) * stride), static_cast<int>(finest.size(2) * stride)};
}

RegionProposals::RegionProposals(const nn::Scope& scope, const FasterRcnnSettings& settings,
                                 int64_t classes)
    : settings_(settings), classes_(classes) {
  const int64_t channels = settings.body.channels, anchors = settings.anchors.count();
  conv_ = plain_conv(scope / "conv" / "0" / "0", channels, channels, 3);
  objectness_ = plain_conv(scope / "cls_logits", channels, anchors, 1);
  offsets_ = plain_conv(scope / "bbox_pred", channels, anchors * 4, 1);
}

nn::Flow RegionProposals::forward(nn::Flow flow, nn::Context& context) {
  const size_t maps = settings_.anchors.sizes.size();
  const image::Dimensions input = input_under(flow.at(level_name(0)));
  const auto anchors = make_anchors(settings_.anchors, input,
                                    pyramid_sizes(input, FasterRcnnSettings::kStride, maps));
  std::vector<at::Tensor> objectness, offsets;
  for (size_t level = 0; level < maps; ++level) {
    const at::Tensor x = at::relu((*conv_)(flow.at(level_name(level))));
    objectness.push_back(by_anchor((*objectness_)(x), 1).squeeze(-1));
    offsets.push_back(by_anchor((*offsets_)(x), 4));
  }
  const auto pictures = static_cast<size_t>(objectness[0].size(0));
  const Search search{settings_.before_nms.of(context), static_cast<float>(settings_.proposal_nms),
                      input};
  std::vector<at::Tensor> scores, shifts;
  for (size_t level = 0; level < maps; ++level) {
    scores.push_back(objectness[level].detach().to(at::kCPU, at::kFloat));
    shifts.push_back(offsets[level].detach().to(at::kCPU, at::kFloat));
  }
  std::vector<Found> found(pictures * maps);
  parallel_for(static_cast<int64_t>(found.size()), [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;
    for (int64_t i = begin; i < end; ++i) {
      const size_t level = static_cast<size_t>(i) % maps;
      const int64_t picture = i / static_cast<int64_t>(maps);
      found[static_cast<size_t>(i)] =
          find_on_map(scores[level][picture], shifts[level][picture], anchors[level], search);
    }
  });
  std::vector<at::Tensor> best;
  for (size_t i = 0; i < pictures; ++i)
    best.push_back(best_of(&found[i * maps], maps, settings_.after_nms.of(context))
                       .to(flow.at(level_name(0)).device()));
  const PaddedBoxes proposals(best);

  nn::Flow result;
  for (size_t level = 0; level + 1 < maps; ++level)  // regions are read off all but the coarsest
    result[level_name(level)] = flow.at(level_name(level));
  result["objectness"] = at::cat(objectness, 1);
  result["offsets"] = at::cat(offsets, 1);
  result["proposals"] = proposals.boxes;
  result["counts"] = proposals.counts;
  if (!context.training || !flow.has("objects")) return result;
  const at::Tensor all = at::cat(anchors).to(best[0].device());
  std::vector<at::Tensor> drawn;
  for (const Objects& objects : objects_of(flow.at("objects"), input, classes_))
    drawn.push_back(draw_boxes(match_boxes(objects, all, settings_.anchor_match),
                               settings_.anchor_draw, context.generator));
  result["drawn"] = at::stack(drawn);
  return result;
}

}  // namespace graft::models
