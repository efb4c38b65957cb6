#include "graft/models/patch_embeddings.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/dropout.h"
#include "graft/nn/linear.h"

namespace graft::models {
namespace {

std::array<int64_t, 2> config_pair(const Json& c, const std::string& key, int64_t fallback) {
  if (c.contains(key) && c[key].is_array()) {
    const auto values = config_integers(c, key, {});
    if (values.size() == 2) return {values[0], values[1]};
    fail_unreadable("config.json: {} must be a number or [height, width], got {}", key,
                    c[key].dump());
  }
  const int64_t side = config_integer(c, key, fallback);
  return {side, side};
}

nn::ConvOptions projection(const PatchSettings& s) {
  nn::ConvOptions o;
  o.in = s.channels;
  o.out = s.width;
  o.kernel = s.patch;
  o.stride = s.patch;
  o.bias = true;
  return o;
}

}  // namespace

PatchSettings::PatchSettings(const Json& c, int64_t default_patch)
    : channels(config_integer(c, "num_channels", 3)),
      width(config_integer(c, "hidden_size", 768)),
      patch(config_pair(c, "patch_size", default_patch)),
      grid{},
      dropout(config_number(c, "hidden_dropout_prob", 0)) {
  const auto image = config_pair(c, "image_size", 224);
  for (size_t axis = 0; axis < 2; ++axis) {
    if (patch[axis] < 1 || patch[axis] > 1024 || image[axis] < patch[axis] || image[axis] > 65536) {
      fail_unreadable("config.json: image_size {} and patch_size {} make no whole patch",
                      image[axis], patch[axis]);
    }
    grid[axis] = image[axis] / patch[axis];
  }
  if (channels < 1 || channels > 1024) {
    fail_unreadable("config.json: num_channels must be from 1 to 1,024, got {}", channels);
  }
}

PatchEmbeddings::PatchEmbeddings(const nn::Scope& scope, const PatchSettings& s)
    : settings_(s),
      class_token_(at::zeros({1, 1, s.width})),
      positions_(at::zeros(
          {1, 1 + (s.extra_has_position ? s.extra : 0) + s.grid[0] * s.grid[1], s.width})),
      projection_(scope / "patch_embeddings" / "projection", projection(s)) {
  scope.add("cls_token", class_token_, nn::Role::embedding);
  scope.add("position_embeddings", positions_, nn::Role::embedding);
  if (s.mask_token) {
    mask_token_ = at::zeros({1, s.width});
    scope.add("mask_token", mask_token_, nn::Role::buffer);  // no gradient ever reaches it
  }
  if (s.extra > 0) {
    extra_tokens_ = at::zeros({1, s.extra, s.width});
    scope.add(s.extra_name, extra_tokens_, nn::Role::embedding);
  }
}

at::Tensor token_positions(const at::Tensor& table, const PatchSettings& s, int64_t rows,
                           int64_t columns) {
  const bool resized = std::array<int64_t, 2>{rows, columns} != s.grid;
  const bool gap = s.extra > 0 && !s.extra_has_position;
  if (!resized && !gap && !s.extra_at_end) return table;
  const int64_t patches = s.grid[0] * s.grid[1];
  const int64_t special = table.size(1) - patches;
  const int64_t front = s.extra_at_end ? 1 : special;
  at::Tensor grid = table.narrow(1, front, patches);
  if (resized) {
    // On the CPU, for a GPU adds up its gradient in no fixed order.
    grid = grid.view({1, s.grid[0], s.grid[1], s.width}).permute({0, 3, 1, 2}).cpu();
    grid = s.antialias ? at::_upsample_bicubic2d_aa(grid, {rows, columns}, false)
                       : at::upsample_bicubic2d(grid, {rows, columns}, false);
    grid = grid.permute({0, 2, 3, 1}).reshape({1, rows * columns, s.width}).to(table.device());
  }
  std::vector<at::Tensor> parts{table.narrow(1, 0, front)};
  if (s.extra_at_end) parts.push_back(table.narrow(1, 1 + patches, special - 1));
  if (gap) parts.push_back(at::zeros({1, s.extra, s.width}, table.options()));
  parts.push_back(grid);
  return at::cat(parts, 1);
}

std::array<int64_t, 2> PatchEmbeddings::grid_of(const at::Tensor& pixels) const {
  return {pixels.size(2) / settings_.patch[0], pixels.size(3) / settings_.patch[1]};
}

at::Tensor PatchEmbeddings::operator()(const at::Tensor& pixels, const nn::Context& context) const {
  const auto& patch = settings_.patch;
  if (pixels.size(2) < patch[0] || pixels.size(3) < patch[1]) {
    fail_usage("an image of {} x {} pixels holds no patch of {} x {}; use a larger image size",
               pixels.size(2), pixels.size(3), patch[0], patch[1]);
  }
  // Channels-last makes the transposition below free.
  const at::Tensor grid = projection_(pixels.contiguous(at::MemoryFormat::ChannelsLast));
  const auto repeated = [&](const at::Tensor& token) {
    return nn::cast_like(token, grid).expand({grid.size(0), -1, -1});
  };
  std::vector<at::Tensor> parts{repeated(class_token_)};
  if (extra_tokens_.defined()) parts.push_back(repeated(extra_tokens_));
  parts.push_back(grid.flatten(2).transpose(1, 2));
  at::Tensor tokens = at::cat(parts, 1);
  tokens.add_(
      nn::cast_like(token_positions(positions_, settings_, grid.size(2), grid.size(3)), tokens));
  return nn::dropout(tokens, settings_.dropout, context);
}

}  // namespace graft::models
