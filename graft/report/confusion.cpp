#include "graft/report/confusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "graft/report/class_index.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

constexpr size_t kMaxHeat = 30;
constexpr size_t kMaxPairs = 20;

std::string heat_cell(const Confusion& confusion, size_t actual, size_t predicted) {
  const int64_t count = confusion.at(actual, predicted);
  const int64_t total = confusion.actual[actual];
  const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
  const bool hit = actual == predicted;
  return fmt::format(
      R"html(<td class="{}{}{}" style="--a:{:.0f}" title="{} taken for {}: {} of {} ({})">{}</td>)html",
      hit ? "hit" : "miss", share > 0.6 ? " deep" : "", count == 0 ? " zero" : "", share * 100,
      escape(confusion.classes[actual]), escape(confusion.classes[predicted]), count, total,
      show_percent(share), count);
}

std::string heat_table(const Confusion& confusion) {
  std::string out = "<div class=\"scroll\"><table class=\"heat\"><thead><tr><th></th>";
  for (const auto& name : confusion.classes) {
    out += "<th scope=\"col\" title=\"" + escape(name) + "\"><span>" + escape(shorten(name, 18)) +
           "</span></th>";
  }
  out += "</tr></thead><tbody>";
  for (size_t a = 0; a < confusion.classes.size(); ++a) {
    const std::string& name = confusion.classes[a];
    out += "<tr><th scope=\"row\" title=\"" + escape(name) + "\">" + escape(shorten(name, 22)) +
           "</th>";
    for (size_t p = 0; p < confusion.classes.size(); ++p) out += heat_cell(confusion, a, p);
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

std::string pair_table(const Confusion& confusion) {
  const auto pairs = most_confused(confusion, kMaxPairs);
  if (pairs.empty()) return "<p>None was taken for another class.</p>";
  Table table({{"Actual"},
               {"Taken for"},
               {confusion.counted, Align::right},
               {"Share of the class", Align::right}});
  for (const auto& pair : pairs) {
    table.row({pair.actual, pair.predicted, show_whole(static_cast<double>(pair.count)),
               show_percent(pair.share)});
  }
  return table.html();
}

}  // namespace

bool Confusion::is_small() const {
  return classes.size() <= kMaxHeat;
}

int64_t Confusion::at(size_t actual_class, size_t predicted_class) const {
  const auto found = counts.find({actual_class, predicted_class});
  return found == counts.end() ? 0 : found->second;
}

Confusion count_confusion(const RunFolder& run, const std::string& split) {
  Confusion confusion;
  ClassIndex index(run.classes);
  for (const Prediction& sample : run.predictions) {
    if (sample.split != split || sample.label.size() != 1 || sample.predicted.size() != 1) continue;
    ++confusion.counts[{index.of(sample.label[0]), index.of(sample.predicted[0])}];
  }
  confusion.classes = index.names();
  confusion.actual.assign(confusion.classes.size(), 0);
  for (const auto& [pair, count] : confusion.counts) confusion.actual[pair.first] += count;
  return confusion;
}

std::vector<ConfusedPair> most_confused(const Confusion& confusion, size_t limit) {
  std::vector<ConfusedPair> pairs;
  for (const auto& [pair, count] : confusion.counts) {
    if (pair.first == pair.second) continue;
    pairs.push_back(
        {confusion.classes[pair.first], confusion.classes[pair.second], count,
         static_cast<double>(count) / static_cast<double>(confusion.actual[pair.first])});
  }
  std::sort(pairs.begin(), pairs.end(), [](const ConfusedPair& a, const ConfusedPair& b) {
    return std::tie(b.count, b.share, a.actual, a.predicted) <
           std::tie(a.count, a.share, b.actual, b.predicted);
  });
  if (pairs.size() > limit) pairs.resize(limit);
  return pairs;
}

std::string render(const Confusion& confusion) {
  if (confusion.empty()) return "";
  return confusion.is_small() ? heat_table(confusion) : pair_table(confusion);
}

std::vector<ClassScore> class_scores(const RunFolder& run, const std::string& split) {
  struct Counts {
    int64_t actual = 0, predicted = 0, both = 0;
  };
  ClassIndex index(run.classes);
  std::vector<Counts> counts(index.names().size());
  const auto of = [&](const std::string& name) -> Counts& {
    const size_t at = index.of(name);
    if (at >= counts.size()) counts.resize(at + 1);
    return counts[at];
  };
  bool any = false;
  for (const Prediction& sample : run.predictions) {
    if (sample.split != split) continue;
    any = true;
    for (const auto& name : sample.label) ++of(name).actual;
    for (const auto& name : sample.predicted) {
      ++of(name).predicted;
      const auto& labels = sample.label;
      if (std::find(labels.begin(), labels.end(), name) != labels.end()) ++of(name).both;
    }
  }
  std::vector<ClassScore> scores;
  if (!any) return scores;
  for (size_t c = 0; c < counts.size(); ++c) {
    const auto ratio = [](int64_t part, int64_t whole) {
      return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
    };
    const Counts& n = counts[c];
    scores.push_back({index.names()[c], n.actual, ratio(n.both, n.predicted),
                      ratio(n.both, n.actual), ratio(2 * n.both, n.actual + n.predicted)});
  }
  return scores;
}

}  // namespace graft::report
