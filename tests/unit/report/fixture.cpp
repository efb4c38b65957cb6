#include "tests/unit/report/fixture.h"

#include <fmt/format.h>

#include <cmath>

#include "graft/base/rng.h"
#include "tests/support/support.h"

namespace graft::test {
namespace {

/// Repeatable noise in [-1, 1].
double noise(int i) {
  return std::sin(i * 12.9898) * std::cos(i * 78.233);
}

Json measure(double value, double half) {
  return {{"value", value}, {"low", value - half}, {"high", std::min(1.0, value + half)}};
}

std::vector<Json> make_log(const RunRecipe& r) {
  std::vector<Json> log;
  double t = 0.4;
  log.push_back({{"event", "start"},
                 {"t", t},
                 {"version", "0.1.0"},
                 {"task", "image-classification"},
                 {"model", "resnet18-cifar10"},
                 {"method", r.method},
                 {"strategy", r.strategy},
                 {"seed", 7},
                 {"threads", 2},
                 {"device", "cpu"},
                 {"samples", {{"train", 1200}, {"validation", 150}, {"test", r.predictions}}},
                 {"classes", r.classes},
                 {"resumed", false}});
  log.push_back(
      {{"event", "decision"},
       {"t", t},
       {"what", "batch"},
       {"choice", 32},
       {"reason", "largest power of two whose tensors stay below 60 % of the memory budget"}});
  const int border = r.steps / 4;
  for (int step = 1; step <= r.steps; ++step) {
    const bool first = step <= border;
    if (step == 1 || step == border + 1) {
      log.push_back({{"event", "stage"},
                     {"t", t},
                     {"step", step - 1},
                     {"stage", first ? 0 : 1},
                     {"name", first ? "head" : "adapters"},
                     {"blocks", first ? Json{"head"} : Json{"layer3", "layer4", "head"}},
                     {"trainable", first ? 5130 : 178000},
                     {"lr", first ? 1e-2 : 1e-3}});
    }
    t += 0.11;
    const double decay = std::exp(-3.0 * step / r.steps);
    const double phase = first ? double(step) / border : double(step - border) / (r.steps - border);
    log.push_back({{"event", "step"},
                   {"t", t},
                   {"step", step},
                   {"epoch", step * 32 / 1200.0},
                   {"stage", first ? 0 : 1},
                   {"loss", 0.45 + 1.6 * decay + 0.15 * noise(step)},
                   {"lr", (first ? 1e-2 : 1e-3) * 0.5 * (1 + std::cos(3.1416 * phase))},
                   {"samples", 32},
                   {"step_s", 0.11 + 0.01 * noise(step + 7)},
                   {"grad_norm", first ? Json(nullptr) : Json(1.2 + 0.4 * noise(step + 3))},
                   {"rss_bytes", 4.1e8 + 2e7 * phase},
                   {"tensor_peak_bytes", first ? 1.2e8 : 2.3e8}});
    if (step % (r.steps / 10) == 0) {
      const double value = r.accuracy - 0.5 * decay;
      log.push_back({{"event", "eval"},
                     {"t", t += 0.5},
                     {"step", step},
                     {"epoch", step * 32 / 1200.0},
                     {"split", "validation"},
                     {"loss", 0.55 + 1.5 * decay},
                     {"metrics", {{"accuracy", measure(value, 0.06)}}},
                     {"seconds", 0.5}});
      log.push_back({{"event", "checkpoint"}, {"t", t}, {"step", step}, {"kind", "last"}});
    }
  }
  return log;
}

std::vector<Json> make_predictions(const RunRecipe& r) {
  std::vector<Json> lines;
  const size_t classes = r.classes.size();
  for (int i = 0; i < r.predictions; ++i) {
    const auto label = static_cast<size_t>(i) % classes;
    const bool right = noise(i + 1) * 0.5 + 0.5 < r.accuracy;
    const size_t predicted = right ? label : (label + 1 + (i % 2 ? 0 : label)) % classes;
    const double p = 0.55 + 0.4 * std::abs(noise(i + 2));
    const double label_p = predicted == label ? p : (1 - p) * 0.6;
    lines.push_back({{"split", "test"},
                     {"input", fmt::format("data/test/{}/{:04d}.jpg", r.classes[label], i)},
                     {"label", r.classes[label]},
                     {"predicted", r.classes[predicted]},
                     {"probability", p},
                     {"label_probability", label_p},
                     {"loss", -std::log(label_p)}});
  }
  return lines;
}

Json make_summary(const RunRecipe& r) {
  Json per_class = Json::array();
  for (size_t c = 0; c < r.classes.size(); ++c) {
    const double f1 = r.accuracy + 0.08 * noise(static_cast<int>(c));
    per_class.push_back({{"class", r.classes[c]},
                         {"count", 30},
                         {"precision", f1 + 0.02},
                         {"recall", f1 - 0.02},
                         {"f1", f1}});
  }
  return {
      {"status", "completed"},
      {"task", "image-classification"},
      {"model", "resnet18-cifar10"},
      {"method", r.method},
      {"strategy", r.strategy},
      {"seed", 7},
      {"metric",
       {{"name", "accuracy"},
        {"split", "test"},
        {"value", r.accuracy},
        {"interval", {r.accuracy - 0.061, r.accuracy + 0.055}},
        {"validation", r.accuracy + 0.01}}},
      {"loss", 0.612},
      {"parameters", {{"total", 11181642}, {"trainable", 178000}}},
      {"work",
       {{"steps", r.steps},
        {"samples_forward", r.steps * 32},
        {"samples_backward", r.steps * 32},
        {"samples_cached", 1600},
        {"tokens", 0},
        {"flops", 3.1e12}}},
      {"time",
       {{"wall_s", 29.6}, {"cpu_s", 55.2}, {"train_s", 22.1}, {"eval_s", 5.0}, {"data_s", 0.9}}},
      {"memory", {{"peak_tensor_bytes", 230000000}, {"peak_rss_bytes", 431000000}}},
      {"throughput", {{"per_s", 289.6}, {"unit", "images"}}},
      {"predicted", {{"step_s", 0.104}, {"train_s", 20.9}, {"peak_tensor_bytes", 241000000}}},
      {"full", {{"flops", 1.07e13}, {"train_s", 61.0}, {"peak_tensor_bytes", 612000000}}},
      {"saved",
       {{"flops", 0.710},
        {"train_s", 0.638},
        {"memory", 0.624},
        {"samples", 0.25},
        {"updates", 0.0}}},
      {"classes", r.classes},
      {"metrics",
       {{"accuracy", measure(r.accuracy, 0.058)},
        {"balanced_accuracy", measure(r.accuracy - 0.01, 0.06)},
        {"f1_macro", measure(r.accuracy - 0.02, 0.06)}}},
      {"per_class", per_class},
      {"epochs", r.steps * 32 / 1200.0},
      {"stages", 2}};
}

}  // namespace

std::string unbalanced(const std::string& html) {
  // Void elements are known by name.
  std::vector<std::string> open;
  size_t at = 0;
  while ((at = html.find('<', at)) != std::string::npos) {
    const size_t end = html.find('>', at);
    if (end == std::string::npos) return "no end of a tag";
    std::string tag = html.substr(at + 1, end - at - 1);
    at = end;
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (name == "meta" || name == "img" || name == "br") continue;
    if (name == "script" || name == "style") {
      at = html.find("</" + name + ">", at);
      continue;
    }
    if (name == "/script" || name == "/style") continue;
    if (!name.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || "/" + open.back() != name) {
      return "unexpected <" + name + "> in " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

void write_lines(const std::filesystem::path& path, const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  write_text(path, text);
}

void write_run(const std::filesystem::path& folder, const RunRecipe& recipe) {
  std::filesystem::create_directories(folder);
  auto log = make_log(recipe);
  if (recipe.finished) {
    log.push_back({{"event", "end"}, {"t", 29.6}, {"status", "completed"}, {"step", recipe.steps}});
    write_json(folder / "summary.json", make_summary(recipe));
    write_lines(folder / "predictions.jsonl", make_predictions(recipe));
  }
  write_lines(folder / "log.jsonl", log);
  write_json(
      folder / "plan.json",
      {{"decisions",
        {{{"what", "batch"},
          {"choice", 32},
          {"reason", "largest power of two whose tensors stay below 60 % of the memory budget"}},
         {{"what", "method"},
          {"choice", recipe.method},
          {"reason", "1200 samples are few for 11 M weights; adapters keep the backbone"}},
         {{"what", "cache"},
          {"choice", "memory"},
          {"reason",
           "the frozen prefix gives 9.6 MiB for all samples, and costs 61 % of a forward pass"}}}},
       {"predicted",
        {{"step_s", 0.104},
         {"train_s", 20.9},
         {"peak_tensor_bytes", 241000000},
         {"rss_bytes", 440000000}}},
       {"candidates",
        {{{"name", "head"},
          {"trainable", 5130},
          {"flops_per_sample", 1.1e8},
          {"step_s", 0.03},
          {"peak_bytes", 9e7},
          {"train_s", 6.1}},
         {{"name", "lora + lp-ft"},
          {"trainable", 178000},
          {"flops_per_sample", 4.8e8},
          {"step_s", 0.104},
          {"peak_bytes", 2.4e8},
          {"train_s", 20.9}},
         {{"name", "full"},
          {"trainable", 11181642},
          {"flops_per_sample", 1.67e9},
          {"step_s", 0.31},
          {"peak_bytes", 6.1e8},
          {"train_s", 61.0}}}}});
  write_text(
      folder / "config.yaml",
      "task: image-classification\nmodel: resnet18-cifar10\ndata: data/cifar\nmethod:\n  name: " +
          recipe.method + "\n  r: 8\nstrategy: " + recipe.strategy +
          "\nbudget:\n  time: 60s\n  memory: 512MiB\n  epochs: 6\ntrain:\n  batch: 32\n  lr: "
          "0.001\nseed: 7\noutput: " +
          folder.filename().string() + "\n");
}

}  // namespace graft::test
