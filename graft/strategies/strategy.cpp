#include "graft/strategies/strategy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "graft/base/error.h"

namespace graft::strategies {

#define STRATEGY(name) Strategy name();
#include "graft/strategies/strategies.def"
#undef STRATEGY

const std::vector<Strategy>& strategies() {
  static const std::vector<Strategy> all = {
#define STRATEGY(name) name(),
#include "graft/strategies/strategies.def"
#undef STRATEGY
  };
  return all;
}

const Strategy& find_strategy(const std::string& name) {
  return find_in(strategies(), name, "strategy");
}

std::vector<int> blocks_from(const Outline& outline, int from) {
  std::vector<int> blocks(static_cast<size_t>(outline.blocks - from));
  std::iota(blocks.begin(), blocks.end(), from);
  return blocks;
}

std::string describe_blocks(const Outline& outline, const std::vector<int>& blocks) {
  if (static_cast<int>(blocks.size()) == outline.blocks) return "all";
  if (blocks.empty()) return "head";
  if (blocks.size() == 1) return outline.names[static_cast<size_t>(blocks.front())];
  const bool run = blocks.back() - blocks.front() + 1 == static_cast<int>(blocks.size());
  if (run) {
    return outline.names[static_cast<size_t>(blocks.front())] + " to " +
           outline.names[static_cast<size_t>(blocks.back())];
  }
  std::string text;
  for (const int b : blocks)
    text += (text.empty() ? "" : " + ") + outline.names[static_cast<size_t>(b)];
  return text;
}

Choice parse_strategy(const Json& value) {
  Choice choice;
  Json options = Json::object();
  if (value.is_string()) {
    choice.name = value.get<std::string>();
  } else if (value.is_object() && value.contains("stages")) {
    if (value.size() != 1 || !value["stages"].is_array() || value["stages"].empty()) {
      fail_usage(
          "strategy: stages must be a list such as [{{train: head, share: 0.3}}, {{train: all}}], "
          "alone");
    }
    choice.name = "stages";
    choice.stages = value["stages"];
    return choice;
  } else if (value.is_object() && value.contains("name") && value["name"].is_string()) {
    options = value;
    choice.name = value["name"].get<std::string>();
    options.erase("name");
  } else {
    fail_usage(
        "strategy: expected a name such as head, {{name: top-k, k: 3}} or {{stages: [...]}}, got "
        "{}",
        value.dump());
  }
  choice.options = Options(find_strategy(choice.name).options, options, "strategy " + choice.name);
  return choice;
}

Json to_json(const Choice& choice) {
  if (choice.name == "stages") return Json{{"stages", choice.stages}};
  Json value = {{"name", choice.name}};
  for (const auto& [key, option] : choice.options.json().items()) {
    if (!option.is_null()) value[key] = option;
  }
  return value.size() == 1 ? Json(choice.name) : value;
}

namespace {

std::vector<int> parse_blocks(const Json& train, const Outline& outline) {
  if (train.is_string()) {
    const auto word = train.get<std::string>();
    if (word == "all") return blocks_from(outline, 0);
    if (word == "head") return blocks_from(outline, outline.head);
    if (word.starts_with("top-")) {
      int k = 0;
      std::from_chars(word.data() + 4, word.data() + word.size(), k);
      if (k >= 1) return blocks_from(outline, std::max(0, outline.head - k));
    }
  }
  std::vector<int> blocks;
  const Json list = train.is_array() ? train : Json::array({train});
  for (const Json& item : list) {
    const auto found = item.is_string() ? std::find(outline.names.begin(), outline.names.end(),
                                                    item.get<std::string>())
                                        : outline.names.end();
    if (found == outline.names.end()) {
      fail_usage("strategy: train cannot be {}; expected head, all, top-3 or names of blocks: {}",
                 item.dump(), fmt::join(outline.names, ", "));
    }
    blocks.push_back(static_cast<int>(found - outline.names.begin()));
  }
  for (int b = outline.head; b < outline.blocks; ++b)
    blocks.push_back(b);  // a new head always trains
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

std::vector<Stage> explicit_stages(const Json& list, const Outline& outline) {
  const std::vector<Option> known = {
      any("train", nullptr, "head, all, top-k or a list of block names"),
      number("share", nullptr, "of the budget").between(1e-6, 1e6),
      number("rate", 1.0, "factor on the learning rate").at_least(0),
      number("backbone_scale", 1.0, "gradient factor between head and backbone").between(0, 1)};
  std::vector<Stage> stages;
  double given = 0;
  int open = 0;
  for (const Json& item : list) {
    const Options o(known, item, "strategy.stages");
    if (!o.is_set("train"))
      fail_usage("strategy.stages: every stage needs train: head, all, top-3 or block names");
    Stage stage;
    stage.blocks = parse_blocks(o.at("train"), outline);
    stage.name = describe_blocks(outline, stage.blocks);
    stage.share = o.is_set("share") ? o.number("share") : -1;
    stage.rate = o.number("rate");
    stage.backbone_scale = o.number("backbone_scale");
    if (stage.share < 0)
      ++open;
    else
      given += stage.share;
    stages.push_back(stage);
  }
  if (given > 1 + 1e-9 && open > 0)
    fail_usage("strategy.stages: the shares sum to {}, nothing is left for the others", given);
  for (Stage& stage : stages) {
    if (stage.share < 0) stage.share = std::max(1e-6, (1 - given) / open);
  }
  return stages;
}

}  // namespace

std::vector<Stage> make_stages(const Choice& choice, const Outline& outline) {
  std::vector<Stage> stages = choice.name == "stages"
                                  ? explicit_stages(choice.stages, outline)
                                  : find_strategy(choice.name).stages(outline, choice.options);
  GRAFT_ASSERT(!stages.empty());
  double sum = 0;
  for (const Stage& stage : stages) {
    if (stage.blocks.empty()) {
      fail_usage(
          "strategy={} has a stage that trains the head alone, but a model of embeddings has none; "
          "give full, top-k or layer-wise",
          choice.name);
    }
    sum += stage.share;
  }
  for (Stage& stage : stages) stage.share /= sum;
  return stages;
}

}  // namespace graft::strategies
