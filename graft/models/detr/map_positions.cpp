#include "graft/models/detr/map_positions.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/linear.h"

namespace graft::models {
namespace {

constexpr double kCircle = 2 * 3.14159265358979323846;
constexpr double kTemperature = 10000;
constexpr double kSmall = 1e-6;      // as transformers adds it to the side
constexpr int64_t kMostPlaces = 50;  // of a side, with learned positions

class SinePositions final : public MapPositions {
 public:
  SinePositions(int64_t width, double shift) : half_(width / 2), shift_(shift) {}

  at::Tensor operator()(const at::Tensor& map) const override {
    const int64_t rows = map.size(2), columns = map.size(3);
    const bool known = table_.defined() && rows_ == rows && columns_ == columns &&
                       table_.scalar_type() == map.scalar_type() && table_.device() == map.device();
    if (!known) {
      const at::Tensor y = waves(rows).unsqueeze(1).expand({-1, columns, -1});
      const at::Tensor x = waves(columns).unsqueeze(0).expand({rows, -1, -1});
      table_ = at::cat({y, x}, -1).reshape({1, rows * columns, 2 * half_}).to(map);
      rows_ = rows;
      columns_ = columns;
    }
    return table_;
  }

 private:
  /// [side, half].
  at::Tensor waves(int64_t side) const {
    const at::Tensor share = (at::arange(1, side + 1, at::kDouble) - shift_) /
                             (static_cast<double>(side) + kSmall) * kCircle;
    const at::Tensor pair = at::arange(half_ / 2, at::kDouble) * 2 / static_cast<double>(half_);
    const at::Tensor angle = share.unsqueeze(1) / at::pow(kTemperature, pair);
    return at::stack({angle.sin(), angle.cos()}, 2).flatten(1);
  }

  int64_t half_;
  double shift_;
  mutable at::Tensor table_;  // of the last map's size
  mutable int64_t rows_ = 0, columns_ = 0;
};

class LearnedPositions final : public MapPositions {
 public:
  LearnedPositions(const nn::Scope& scope, int64_t width)
      : rows_(scope / "row_embeddings", kMostPlaces, width / 2),
        columns_(scope / "column_embeddings", kMostPlaces, width / 2) {}

  at::Tensor operator()(const at::Tensor& map) const override {
    const int64_t rows = map.size(2), columns = map.size(3);
    if (rows > kMostPlaces || columns > kMostPlaces)
      fail_usage(
          "the picture gives a map of {} x {} places, and this model has learned positions for {} "
          "of each; use a smaller image size",
          rows, columns, kMostPlaces);
    const auto table = [&](const nn::Embedding& side, int64_t count) {
      return side(at::arange(count, at::TensorOptions(at::kLong).device(map.device())));
    };
    const at::Tensor y = table(rows_, rows).unsqueeze(1).expand({-1, columns, -1});
    const at::Tensor x = table(columns_, columns).unsqueeze(0).expand({rows, -1, -1});
    return nn::cast_like(at::cat({x, y}, -1).flatten(0, 1).unsqueeze(0), map);
  }

 private:
  nn::Embedding rows_, columns_;
};

}  // namespace

std::shared_ptr<MapPositions> make_map_positions(const Json& config, const nn::Scope& scope,
                                                 int64_t width, double shift) {
  const std::string type = config_text(config, "position_embedding_type", "sine");
  if (type == "sine") return std::make_shared<SinePositions>(width, shift);
  if (type != "learned")
    fail_unreadable("config.json: position_embedding_type must be sine or learned, got '{}'", type);
  return std::make_shared<LearnedPositions>(scope / "position_embedding", width);
}

}  // namespace graft::models
