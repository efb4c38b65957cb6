#include "graft/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "graft/base/units.h"

namespace graft::cli {
namespace {

constexpr double kBarSeconds = 0.1;
constexpr double kLineSeconds = 10;
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::line(const std::string& text) {
  if (bar_shown_) std::cerr << "\r\033[K";
  bar_shown_ = false;
  std::cerr << text << "\n";
}

void Progress::on_start(const Json& facts) {
  const Json& n = facts["samples"];
  const std::string task = facts["task"].get<std::string>();
  const std::string kind =
      task.ends_with("-regression")      ? "labelled with numbers"
      : facts.value("loss", "") == "dpo" ? "with a chosen and a rejected answer"
      : task == "language-modeling"      ? "to continue"
      : task.starts_with("masked")       ? "whose masked tokens are told"
      : task == "sentence-similarity"    ? "to compare"
                                         : fmt::format("of {} classes", facts["classes"].size());
  line(fmt::format("training on {} samples {} ({} to validate, {} to test)",
                   n["train"].get<int64_t>(), kind, n["validation"].get<int64_t>(),
                   n["test"].get<int64_t>()));
}

void Progress::on_stage(const train::StageEvent& e) {
  line(fmt::format("stage {}: {}, {} trained parameters{}", e.stage + 1, e.name,
                   show_count(static_cast<double>(e.trainable)),
                   e.cached ? "; the frozen part was computed once and is kept" : ""));
}

void Progress::on_step(const train::StepEvent& e) {
  smooth_loss_ = smooth_loss_ < 0 ? e.loss : 0.95 * smooth_loss_ + 0.05 * e.loss;
  const double interval = terminal_ ? kBarSeconds : kLineSeconds;
  if (since_shown_.seconds() < interval) return;
  since_shown_.restart();
  const std::string facts = fmt::format(
      "step {}  epoch {:.2f}  loss {:.4f}  lr {:.2e}  {:.0f}/s{}  {}", e.step, e.epoch,
      smooth_loss_, e.lr, e.seconds > 0 ? static_cast<double>(e.samples) / e.seconds : 0,
      e.left_s >= 0 ? "  " + show_seconds(e.left_s) + " left" : "",
      show_bytes(static_cast<double>(resident_bytes())));
  if (!terminal_) {
    line(facts);
    return;
  }
  const int full = static_cast<int>(std::clamp(e.progress, 0.0, 1.0) * kBarWidth);
  std::cerr << "\r\033[K[" << std::string(static_cast<size_t>(full), '=')
            << std::string(static_cast<size_t>(kBarWidth - full), ' ') << "] " << facts
            << std::flush;
  bar_shown_ = true;
}

void Progress::on_evaluation(const train::EvaluationEvent& e) {
  std::string text = fmt::format("{} after step {}: loss {:.4f}", e.split, e.step, e.loss);
  for (const auto& [name, m] : e.metrics) {
    if (name == "accuracy" || name == "macro_f1" || name == "mean_average_precision") {
      text += fmt::format(", {} {:.1f} %", name, 100 * m.value);
    }
    if (name == "perplexity") text += fmt::format(", perplexity {:.3f}", m.value);
    if (name == "token_accuracy") text += fmt::format(", tokens right {:.1f} %", 100 * m.value);
    if (name == "reward_accuracy") text += fmt::format(", pairs right {:.1f} %", 100 * m.value);
    if (name == "recall_at_1") text += fmt::format(", nearest right {:.1f} %", 100 * m.value);
    if (name == "reward_margin") text += fmt::format(", margin {:.4f}", m.value);
    if (name == "pearson" || name == "spearman" || name == "mae" || name == "mrr")
      text += fmt::format(", {} {:.4f}", name, m.value);
  }
  line(text + (e.best ? "  (best so far)" : ""));
}

void Progress::on_warning(const std::string& message) {
  line("warning: " + message);
}

void Progress::on_end(const std::string& status, int64_t step) {
  line(fmt::format("{} after {} steps", status, step));
}

}  // namespace graft::cli
