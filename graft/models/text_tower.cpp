#include "graft/models/text_tower.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/gather_rows.h"
#include "graft/nn/sequences.h"

namespace graft::models {

Pooling pooling_of(const Json& config, Pooling usual) {
  const std::string name = config_text(config, kPoolingKey, "");
  if (name.empty()) return usual;
  if (name == "cls" || name == "first") return Pooling::first;
  if (name == "last") return Pooling::last;
  if (name == "mean") return Pooling::mean;
  fail_unreadable("config.json: classifier_pooling must be cls, last or mean, got '{}'", name);
}

const char* pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::last:
      return "last";
    case Pooling::mean:
      return "mean";
    case Pooling::first:
      break;
  }
  return "cls";
}

at::Tensor tokens_before(const nn::Flow& flow, const nn::Context& context) {
  if (context.cache) return context.cache->past();
  return flow.has("before") ? flow.at("before") : at::Tensor();
}

TokenRows::TokenRows(const nn::Flow& flow, const nn::Context& context)
    : lengths(flow.at("lengths")), past(tokens_before(flow, context)) {
  if (flow.has("seen")) seen = flow.at("seen");
}

at::Tensor TokenRows::pick(const at::Tensor& t) const {
  return wanted.defined() ? t.index_select(0, wanted.to(t.device())) : t;
}

at::Tensor TokenRows::attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const nn::SequenceAttention& rule, const nn::Context& context) const {
  const bool fewer = wanted.defined();
  const at::Tensor queries = fewer ? at::ones_like(lengths) : lengths;
  if (seen.defined()) {
    return nn::attend(q, nn::gather_rows(k, seen), nn::gather_rows(v, seen), queries, rule, context,
                      past + lengths);
  }
  if (!context.cache)
    return nn::attend(q, k, v, queries, rule, context, fewer ? lengths : at::Tensor());
  const nn::CachedKeys all = context.cache->append(context.block, k, v, rule.left);
  return nn::attend(q, all.keys, all.values, queries, rule, context, all.lengths, all.rows);
}

at::Tensor rows_for(const TowerEnd& end, const at::Tensor& lengths, bool continued) {
  if (continued && !end.pooling) return nn::last_rows(lengths);
  if (!end.picks || !end.pooling || *end.pooling == Pooling::mean) return {};
  return *end.pooling == Pooling::first ? nn::first_rows(lengths) : nn::last_rows(lengths);
}

nn::Flow end_tower(const TowerEnd& end, at::Tensor x, const at::Tensor& lengths, bool picked) {
  if (end.pooling && !picked && *end.pooling != Pooling::mean) {
    const at::Tensor rows =
        *end.pooling == Pooling::first ? nn::first_rows(lengths) : nn::last_rows(lengths);
    x = x.index_select(0, rows.to(x.device()));
  }
  if (end.finish) x = end.finish(x);
  if (!end.pooling) {
    nn::Flow flow("x", std::move(x));
    flow["lengths"] = picked ? at::ones_like(lengths) : lengths;
    return flow;
  }
  if (*end.pooling == Pooling::mean) x = nn::mean_rows(x, lengths);
  return {"features", end.pooled ? end.pooled(x) : std::move(x)};
}

void check_sizes(int64_t layers, int64_t width, int64_t heads, int64_t inner, int64_t positions) {
  const bool possible = width >= 1 && width <= 65536 && layers >= 1 && layers <= 1000 &&
                        inner >= 1 && inner <= 262144 && positions >= 1 && heads >= 1 &&
                        width % heads == 0;
  if (possible) return;
  fail_unreadable(
      "config.json: {} layers of width {} with {} heads and {} inside cannot be: numbers must be "
      "positive, and the heads divide the width",
      layers, width, heads, inner);
}

void init_text_tower(Model& model, const nn::Init& random) {
  const double range = config_number(model.config(), "initializer_range", 0.02);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight || p.role == nn::Role::embedding)
      random.normal(p.name, *p.value, range);
  }
}

}  // namespace graft::models
