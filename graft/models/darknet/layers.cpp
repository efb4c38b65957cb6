#include "graft/models/darknet/layers.h"

#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <map>

#include "graft/base/error.h"
#include "graft/nn/dropout.h"

namespace graft::models {
namespace {

using Inputs = std::vector<at::Tensor>;

constexpr double kMomentum = 0.1;  // Darknet's share of the newest batch

nn::Activation activation_of(io::DarknetActivation activation) {
  switch (activation) {
    case io::DarknetActivation::linear:
      return nn::Activation::none;
    case io::DarknetActivation::leaky:
      return nn::Activation::leaky;
    case io::DarknetActivation::relu:
      return nn::Activation::relu;
    case io::DarknetActivation::relu6:
      return nn::Activation::relu6;
    case io::DarknetActivation::mish:
      return nn::Activation::mish;
    case io::DarknetActivation::swish:
      return nn::Activation::silu;
    case io::DarknetActivation::logistic:
      return nn::Activation::sigmoid;
  }
  return nn::Activation::none;
}

DarknetStep convolution(const nn::Scope& scope, const io::DarknetConvolution& c, int64_t channels,
                        double eps) {
  nn::ConvOptions o;
  o.in = channels;
  o.out = c.filters;
  o.kernel = {c.size, c.size};
  o.stride = {c.stride_y, c.stride_x};
  o.padding = {c.padding, c.padding};
  o.dilation = {c.dilation, c.dilation};
  o.groups = c.groups;
  o.bias = !c.batch_normalize;
  const nn::Activation activation = activation_of(c.activation);
  if (c.batch_normalize) {
    const auto conv = std::make_shared<nn::ConvNorm>(scope, o, activation, eps, kMomentum);
    return [conv](const Inputs& in, nn::Context&) { return (*conv)(in[0]); };
  }
  const auto conv = std::make_shared<nn::Conv2d>(scope / "convolution", o);
  return [conv, activation](const Inputs& in, nn::Context&) {
    return nn::activate(activation, (*conv)(in[0]));
  };
}

DarknetStep maxpool(const io::DarknetMaxPool& pool, const io::MapShape& in,
                    const io::MapShape& out) {
  // What the last windows reach behind the map.
  const auto behind = [&](int64_t side, int64_t windows, int64_t stride) {
    return std::max<int64_t>(0, (windows - 1) * stride + pool.size - pool.padding / 2 - side);
  };
  const int64_t before = pool.padding / 2;
  const int64_t below = behind(in.height, out.height, pool.stride_y);
  const int64_t right = behind(in.width, out.width, pool.stride_x);
  const std::array<int64_t, 2> size{pool.size, pool.size};
  const std::array<int64_t, 2> stride{pool.stride_y, pool.stride_x};
  if (before == below && before == right) {
    return [=](const Inputs& x, nn::Context&) {
      return at::max_pool2d(x[0], size, stride, {before, before});
    };
  }
  return [=](const Inputs& x, nn::Context&) {
    constexpr double kLowest = -std::numeric_limits<double>::infinity();
    return at::max_pool2d(at::constant_pad_nd(x[0], {before, right, before, below}, kLowest), size,
                          stride);
  };
}

DarknetStep route(const io::DarknetRoute& route) {
  return [route](const Inputs& in, nn::Context&) {
    Inputs parts;
    for (const at::Tensor& x : in) {
      const int64_t width = x.size(1) / route.groups;
      parts.push_back(x.narrow(1, route.group * width, width));
    }
    return parts.size() == 1 ? parts[0] : at::cat(parts, 1);
  };
}

DarknetStep shortcut(nn::Activation activation) {
  return [activation](const Inputs& in, nn::Context&) {
    at::Tensor sum = in[0] + in[1];
    for (size_t k = 2; k < in.size(); ++k) sum = sum.add_(in[k]);
    return nn::activate(activation, sum);
  };
}

std::string name_of(int layer) {
  return fmt::format("layer{}", layer);
}

std::vector<int> inputs_of(const io::DarknetNet& net, int i) {
  std::vector<int> inputs;
  for (const int from : net.layer(i).inputs) inputs.push_back(darknet_origin(net, from));
  return inputs;
}

}  // namespace

DarknetStep make_darknet_step(const nn::Scope& scope, const io::DarknetNet& net, int i,
                              double eps) {
  const io::DarknetLayer& layer = net.layer(i);
  const io::MapShape& in = net.shape(layer.inputs[0]);
  if (const auto* c = layer.as<io::DarknetConvolution>())
    return convolution(scope / "layers" / std::to_string(i), *c, in.channels, eps);
  if (const auto* r = layer.as<io::DarknetRoute>()) return route(*r);
  if (const auto* s = layer.as<io::DarknetShortcut>())
    return shortcut(activation_of(s->activation));
  if (const auto* p = layer.as<io::DarknetMaxPool>()) return maxpool(*p, in, layer.shape);
  if (const auto* d = layer.as<io::DarknetDropout>()) {
    const double probability = d->probability;
    return [probability](const Inputs& x, nn::Context& context) {
      return nn::dropout(x[0], probability, context);
    };
  }
  const auto* u = layer.as<io::DarknetUpsample>();
  GRAFT_ASSERT(u);
  const int64_t stride = u->stride;
  return [stride](const Inputs& x, nn::Context&) {
    return at::upsample_nearest2d(x[0], {x[0].size(2) * stride, x[0].size(3) * stride});
  };
}

DarknetBlock::DarknetBlock(const nn::Scope& scope, const io::DarknetNet& net,
                           const DarknetPart& part, double eps)
    : kept_(part.kept) {
  std::map<int, size_t> last;  // layer → position of its last reader
  for (const int i : part.layers) {
    layers_.push_back({i, inputs_of(net, i), make_darknet_step(scope, net, i, eps), {}});
    for (const int from : layers_.back().inputs) last[from] = layers_.size() - 1;
  }
  for (const auto& [layer, reader] : last) {
    if (std::ranges::find(kept_, layer) == kept_.end()) layers_[reader].done.push_back(layer);
  }
}

nn::Flow DarknetBlock::forward(nn::Flow flow, nn::Context& context) {
  std::map<int, at::Tensor> outputs;
  for (const Layer& layer : layers_) {
    Inputs inputs;
    for (const int from : layer.inputs) {
      if (from < 0) {
        inputs.push_back(flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast));
      } else {
        const auto found = outputs.find(from);
        inputs.push_back(found == outputs.end() ? flow.at(name_of(from)) : found->second);
      }
    }
    outputs[layer.index] = layer.step(inputs, context);
    for (const int done : layer.done) outputs.erase(done);
  }
  nn::Flow result;
  for (const int i : kept_) {
    const auto found = outputs.find(i);
    result[name_of(i)] = found == outputs.end() ? flow.at(name_of(i)) : found->second;
  }
  return result;
}

DarknetHead::DarknetHead(const nn::Scope& scope, const io::DarknetNet& net, const DarknetPart& part,
                         double eps) {
  for (const int i : part.layers)
    maps_.push_back({inputs_of(net, i)[0], make_darknet_step(scope, net, i, eps)});
}

nn::Flow DarknetHead::forward(nn::Flow flow, nn::Context& context) {
  nn::Flow result;
  for (size_t k = 0; k < maps_.size(); ++k) {
    at::Tensor x = flow.at(maps_[k].input < 0 ? "pixels" : name_of(maps_[k].input));
    // Objects are told apart in float32 at least.
    if (at::isReducedFloatingType(x.scalar_type())) x = x.to(at::kFloat);
    result[fmt::format("maps{}", k)] = maps_[k].step({x}, context);
  }
  return result;
}

}  // namespace graft::models
