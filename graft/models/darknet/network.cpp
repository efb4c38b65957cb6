#include "graft/models/darknet/network.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/darknet/chain.h"
#include "graft/models/darknet/files.h"
#include "graft/models/darknet/layers.h"

namespace graft::models {
namespace {

constexpr const char* kWhere = "config.json: cfg";

DarknetDivision division_of(const Json& config) {
  const std::string head = config_text(config, "head", "last");
  if (head != "last" && head != "branches")
    fail_unreadable(
        "config.json: head must be last (the convolutions that the yolo layers read) or branches "
        "(all that follows the backbone), got '{}'",
        head);
  return {config_integer(config, "backbone_layers", 0), head == "branches"};
}

}  // namespace

std::string darknet_cfg(const Json& config) {
  std::string text = config_text(config, kCfgKey, "");
  if (text.empty())
    fail_unreadable(
        "{}: the text of a Darknet .cfg must stand there; give a folder with a .cfg and "
        "its .weights, or a folder that graft wrote",
        kWhere);
  return text;
}

void build_darknet(Model& model, int64_t classes) {
  std::string text = darknet_cfg(model.config());
  if (io::parse_darknet(text, kWhere).classes() != classes) {
    text = io::with_classes(text, classes, kWhere);
    model.config()[kCfgKey] = text;
  }
  const io::DarknetNet net = io::parse_darknet(text, kWhere);
  const double eps = config_number(model.config(), "batch_norm_eps", 1e-6);
  if (!(eps > 0 && eps <= 1))
    fail_unreadable("config.json: batch_norm_eps must be above 0 and at most 1, got {}", eps);
  const auto parts = divide_darknet(net, division_of(model.config()));
  for (const DarknetPart& part : parts) {
    if (&part == &parts.back())
      model.add<DarknetHead>(part.name, part.span, "", net, part, eps);
    else
      model.add<DarknetBlock>(part.name, part.span, "", net, part, eps);
  }
  for (const nn::Parameter& p : model.registry().parameters) {
    if (p.block == model.size() - 1)
      model.add_class_rows(p.name.substr(0, p.name.rfind('.')), {.before = kBoxRows});
  }
}

std::string darknet_text(const Model& model) {
  const image::Dimensions size = model.preprocess().output();
  return io::with_input(darknet_cfg(model.config()), size.width, size.height, kWhere);
}

io::DarknetNet darknet_net(const Model& model) {
  return io::parse_darknet(darknet_text(model), kWhere);
}

}  // namespace graft::models
